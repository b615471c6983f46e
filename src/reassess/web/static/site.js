// Keys, prefetching, answers that wait for a connection, and the owner's page that updates
// itself. Every page works without this file: it fetches the same pages and sends the same answers.

const DEEP = 2; // screens to have ahead
const LIVE = 5000; // milliseconds between looks at the owner's figures
const PATIENCE = [1000, 2000, 5000, 10000]; // milliseconds between tries to send

const $ = (selector, within = document) => within.querySelector(selector);
const rater = document.body.dataset.rater;
const ahead = []; // <main> elements to come
let tries = 0;
let timer = 0;
let sending = null;
let fetching = null;
let moving = false;
let last = 0; // when the rater answered last
let shown = 0; // when the screen came up
let swept = ""; // the images of the grid that was answered last

// ---------------------------------------------------------------- answers that wait

const OUTBOXES = "rating.outbox.";
const { store } = document.body.dataset; // which database the page is of
const BOX = `${OUTBOXES}${store}.${rater}`;

function waiting() {
  try {
    return JSON.parse(localStorage.getItem(BOX)) || [];
  } catch {
    return [];
  }
}

function keep(box) {
  try {
    localStorage.setItem(BOX, JSON.stringify(box));
    return true;
  } catch {
    return false;
  }
}

const drop = (key) => keep(waiting().filter((one) => one.body.key !== key));

function flush() {
  sending = sending || send().finally(() => { sending = null; });
  return sending;
}

// Whether nothing waits any more.
async function send() {
  clearTimeout(timer);
  let renewed = false;
  for (let [one] = waiting(); one; [one] = waiting()) {
    let response;
    try {
      response = await fetch(`/api/screens/${one.lease}/answers`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": $("meta[name=csrf]").content },
        body: JSON.stringify(one.body),
      });
    } catch {
      return later(`The connection is lost. ${counted()} in this browser and will be sent when it returns.`);
    }
    if (response.ok) {
      drop(one.body.key);
      report((await response.json()).standing);
    } else if (response.status === 403 && !renewed) {
      renewed = true;
      await renew();
    } else if (response.status === 401 || response.status === 403) {
      return later(`${counted()} in this browser: ${await reason(response)} They are sent when you are back.`);
    } else if (response.status === 409) { // of another database: what is prefetched is so too
      drop(one.body.key);
      ahead.length = 0;
      restart(`The answers to 1 image were not stored. ${await reason(response)}`);
      return false;
    } else if ([404, 413, 422].includes(response.status)) {
      drop(one.body.key);
      notice(`An answer was refused: ${await reason(response)}`);
      tries = 0;
      return send();
    } else {
      return later(`The study cannot be reached. ${counted()} in this browser and will be sent.`);
    }
  }
  if (tries) {
    tries = 0;
    notice("");
    say("The connection is back. All answers are sent.");
  }
  return true;
}

// Begin again with a fresh page, which shows why.
function restart(why) {
  try { sessionStorage.setItem("rating.why", why); } catch { /* the page is new all the same */ }
  location.assign("/");
}

function showWhy() {
  try {
    const why = sessionStorage.getItem("rating.why");
    sessionStorage.removeItem("rating.why");
    const strays = Object.keys(localStorage).filter((key) => key.startsWith(OUTBOXES) && !key.startsWith(`${OUTBOXES}${store}.`));
    const n = strays.reduce((sum, key) => sum + (JSON.parse(localStorage.getItem(key)) || []).length, 0);
    const waits = n ? `Answers to ${n} image${n === 1 ? "" : "s"} of another study wait in this browser. They are sent when that study is at this address again.` : "";
    if (why || waits) notice([why, waits].filter(Boolean).join(" "));
  } catch { /* no storage, nothing waits */ }
}

function later(text) {
  notice(text);
  timer = setTimeout(resume, PATIENCE[Math.min(tries, PATIENCE.length - 1)]);
  tries += 1;
  return false;
}

function counted() {
  const n = waiting().length;
  return n === 1 ? "1 image's answers wait" : `${n} images' answers wait`;
}

async function reason(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return "";
  }
}

async function renew() {
  try {
    const response = await fetch("/api/session");
    if (response.ok) $("meta[name=csrf]").content = (await response.json()).csrf;
  } catch { /* the next try tells */ }
}

async function resume() {
  if (!(await flush())) return;
  if ($("main[data-offline]")) await advance();
  else prefetch();
}

// ---------------------------------------------------------------- screens to come

const leasesOf = (main) => (main.dataset.leases || "").split(",").filter(Boolean).map(Number);
const isSame = (one, other) => one.dataset.leases === other.dataset.leases;

function held(withCurrent) {
  const shown = [...(withCurrent ? [$("main")] : []), ...ahead];
  return [...shown.flatMap(leasesOf), ...waiting().map((one) => one.lease)];
}

// The address of what comes next, beyond what this browser has already.
const moreOf = (main, withCurrent) => `${main.dataset.more || "/rate"}?beyond=${held(withCurrent).join(",")}`;

// The <main> of a page, or null where the connection is lost.
async function load(address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    return null;
  }
  if (new URL(response.url).pathname === "/sign-in") {
    location.assign("/sign-in");
    return null;
  }
  if (response.status >= 500) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.body.dataset.store !== store || page.body.dataset.rater !== rater) {
    restart("This page was of another study, or of another person's, and was loaded again.");
    return null;
  }
  $("meta[name=csrf]").content = $("meta[name=csrf]", page).content;
  const main = document.adoptNode($("main", page));
  main.dataset.title = page.title;
  return main;
}

function prefetch() {
  fetching = fetching || fill().finally(() => { fetching = null; });
  return fetching;
}

async function fill() {
  const current = $("main");
  if (!leasesOf(current).length || "practice" in current.dataset) return;
  while (ahead.length < Number(current.dataset.deep || DEEP)) {
    const main = await load(moreOf(current, true));
    if (!main || !leasesOf(main).length) return;
    const mine = held(true);
    if (leasesOf(main).some((lease) => mine.includes(lease))) return;
    ahead.push(main);
    for (const shown of main.querySelectorAll("img")) {
      const image = new Image();
      image.src = shown.src;
      if (shown.closest(".image")) await image.decode().catch(() => {});
    }
  }
}

// ---------------------------------------------------------------- from screen to screen

function show(main, words) {
  $("main").replaceWith(main);
  window.scrollTo(0, 0);
  begin();
  const title = $("h1", main);
  say(`${words} ${title ? title.textContent : ""}`);
}

async function advance(words = "") {
  if (moving) return;
  moving = true;
  try {
    if (!ahead.length && fetching) await fetching;
    let next = ahead.shift();
    const current = $("main");
    if (!next) {
      await flush();
      next = await load(moreOf(current, false));
    }
    if (next) {
      offerBack(next);
      show(next, words);
    } else if (!$("main[data-offline]")) {
      const offline = document.importNode($("#offline").content, true).firstElementChild;
      if (current.dataset.more) offline.dataset.more = current.dataset.more;
      show(offline, "");
    }
    if (!next) {
      clearTimeout(timer);
      timer = setTimeout(resume, PATIENCE[1]);
    }
  } finally {
    moving = false;
  }
  prefetch();
}

// A grid's way back leads to the images that were answered last in this browser.
function offerBack(main) {
  const link = $("#sweep .back", main);
  if (!link || !swept) return;
  link.href = `${main.dataset.more}/again?leases=${swept}`;
  link.hidden = false;
}

function earlierThan(main) {
  const link = $(".back", main);
  if ($("#sweep", main)) return link && !link.hidden ? link.href : null;
  const [lease] = leasesOf(main);
  return lease ? `/rate/${lease}/back` : "/rate/last";
}

async function goBack() {
  if (moving) return;
  const current = $("main");
  if ("plain" in current.dataset) return $(".back", current).click();
  moving = true;
  try {
    const address = earlierThan(current);
    if (!address) return say("There is nothing earlier.");
    if (!(await flush())) return say("You can go back when the connection has returned.");
    const earlier = await load(address);
    if (!earlier) return say("You can go back when the connection has returned.");
    if (isSame(earlier, current) || !leasesOf(earlier).length) return say("There is nothing earlier.");
    if (leasesOf(current).length && !("answered" in current.dataset)) ahead.unshift(current);
    show(earlier, "Back.");
  } finally {
    moving = false;
  }
}

function begin() {
  const main = $("main");
  shown = last = performance.now();
  document.title = main.dataset.title || document.title;
  applyKeys();
  const places = [...main.querySelectorAll("fieldset[data-place]")];
  const first = $("[data-place] input:checked", main) || $("[data-place] input[type=radio]", main);
  const open = "answered" in main.dataset ? null : places.find((place) => !$("input:checked", place));
  ((open && $("input[type=radio]", open)) || first || main).focus({ preventScroll: true });
  poll(main);
}

function poll(main) {
  if (main.dataset.idle !== "wait") return;
  const again = setInterval(async () => {
    if (!main.isConnected) return clearInterval(again);
    const next = await load("/rate");
    if (next && leasesOf(next).length && main.isConnected) {
      clearInterval(again);
      show(next, "There is more to do.");
      prefetch();
    }
  }, 15000);
}

function onSubmit(event) {
  const form = event.target;
  if (form.id === "pause") {
    if (fetching) { // what is on its way is given back as well
      event.preventDefault();
      fetching.then(() => $("#pause").requestSubmit());
      return;
    }
    const current = $("main");
    const mine = "answered" in current.dataset ? ahead : [current, ...ahead];
    form.elements.leases.value = mine.flatMap(leasesOf).join(",");
    form.elements.csrf.value = $("meta[name=csrf]").content;
    return;
  }
  const { dataset } = $("main");
  if (form.elements.csrf) form.elements.csrf.value = $("meta[name=csrf]").content;
  if (!["screen", "sweep"].includes(form.id) || "plain" in dataset) return;
  if (form.id === "screen") form.elements.milliseconds.value = Math.round(performance.now() - shown);
  if ("practice" in dataset) return;
  const made = form.id === "sweep" ? sweptOf(form) : [screenOf(form, event.submitter?.name === "cannot_see")];
  const keys = made.map((one) => one.body.key);
  const box = waiting().filter((other) => !keys.includes(other.body.key));
  if (!keep([...box, ...made])) return; // no room in this browser: let the form go the plain way
  event.preventDefault();
  if (form.id === "sweep" && made.length && !("answered" in dataset)) swept = made.map((one) => one.lease).join(",");
  flush();
  advance("Saved.");
}

const sealOf = (data, name) => data.get(name) || "";
const screenOf = (form, cannotSee) => ({ lease: leasesOf($("main"))[0], body: bodyOf(form, cannotSee) });

// What was answered on a grid: one body for each image.
function sweptOf(form) {
  const data = new FormData(form);
  return [...form.querySelectorAll("fieldset[data-lease]")].flatMap((cell) => {
    const lease = Number(cell.dataset.lease);
    const said = data.get(`answer-${lease}`) ?? (data.get("rest") || null);
    if (said === null) return [];
    const took = data.get(`milliseconds-${lease}`);
    const milliseconds = took ? Number(took) : null;
    const answers = said === "x" ? [] : [{ place: 0, answer: Number(said), milliseconds }];
    return [{ lease, body: { key: `${data.get("key")}-${lease}`, answers, milliseconds, something_else: "", cannot_see: said === "x", seal: sealOf(data, `seal-${lease}`) } }];
  });
}

function bodyOf(form, cannotSee) {
  const data = new FormData(form);
  const answers = [];
  for (const question of form.querySelectorAll("fieldset.question")) {
    const place = Number(question.dataset.place);
    const took = data.get(`milliseconds-${place}`);
    const said = data.get(`answer-${place}`);
    if (said !== null && !cannotSee) answers.push({ place, answer: Number(said), milliseconds: took ? Number(took) : null });
  }
  return {
    key: data.get("key"),
    answers,
    milliseconds: Number(data.get("milliseconds")),
    something_else: data.get("something_else"),
    cannot_see: cannotSee,
    seal: sealOf(data, "seal"),
  };
}

function onChange(event) {
  if (event.target.id === "keys-on") {
    try { localStorage.setItem("rating.keys", event.target.checked ? "on" : "off"); } catch { /* for this page only */ }
    return;
  }
  const question = event.target.closest("fieldset[data-place]");
  if (!question || event.target.type !== "radio" || !$("input[type=hidden]", question)) return;
  const now = performance.now();
  const took = $("input[type=hidden]", question);
  took.value = Math.round((Number(took.value) || 0) + now - last);
  last = now;
}

// ---------------------------------------------------------------- keys

const keysOn = () => { try { return localStorage.getItem("rating.keys") !== "off"; } catch { return true; } };

function applyKeys() {
  const box = $("#keys-on");
  if (box) box.checked = keysOn();
}

function choose(place) {
  const question = $(`#question-${place}`);
  if (!question) return;
  ($("input:checked", question) || $("input[type=radio]", question)).focus();
  question.scrollIntoView({ block: "nearest" });
}

const placeNow = () => document.activeElement.closest?.("fieldset[data-place]");

function answer(value) {
  const now = placeNow() || $("fieldset[data-place]");
  const radio = $(`input[value="${value}"]`, now);
  if (!radio) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  const all = [...document.querySelectorAll("fieldset[data-place]")];
  const start = all.indexOf(now) + 1;
  const open = [...all.slice(start), ...all.slice(0, start)].find((question) => !$("input:checked", question));
  if (open) choose(open.dataset.place);
  else $("#screen button[type=submit], #sweep button[type=submit]").focus();
}

// The same answer for all images of a grid that are open.
function answerRest(value) {
  const open = [...document.querySelectorAll("fieldset[data-lease]")].filter((cell) => !$("input:checked", cell));
  for (const cell of open) $(`input[value="${value}"]`, cell).checked = true;
  say(`${open.length} images answered with ${$("#sweep .rest option[value='" + value + "']").textContent}.`);
  $("#sweep button[type=submit]").focus();
}

// To the image before; from the first one to the last grid.
function before() {
  const now = placeNow();
  const place = now ? Number(now.dataset.place) : document.querySelectorAll("fieldset[data-lease]").length;
  if (place > 0) choose(place - 1);
  else goBack();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  const form = $("#screen, #sweep");
  const dialog = $("#full");
  const act = actOf(event.key, form, dialog && dialog.open, event.target);
  if (!act) return;
  event.preventDefault();
  act();
}

// The answer whose key this is; its first letter, as the study words it.
const valueOf = (form, key) => [...form.querySelectorAll("input[data-key]")].find((radio) => radio.dataset.key === key)?.value;

function actOf(key, form, isFull, target) {
  if (isFull) return actInFull(key);
  const isSweep = form?.id === "sweep";
  if (key === "Backspace" && $("main.rate[data-leases], main[data-idle], main[data-plain], main.sweep")) {
    return keysOn() ? (isSweep ? before : goBack) : null;
  }
  if (!form) return null;
  if (key === "Enter") return target.matches("button, a, summary") ? null : () => form.requestSubmit($("button[type=submit]", form));
  if (!keysOn()) return null;
  if (/^[1-8]$/.test(key) && !isSweep) return () => choose(Number(key) - 1);
  const said = valueOf(form, key);
  if (said !== undefined) return () => answer(said);
  if (key === "z") return () => full();
  if (key === "?") return () => { $(".keys").open = !$(".keys").open; };
  const rest = isSweep && $(".rest") ? valueOf(form, key.toLowerCase()) : undefined;
  if (rest !== undefined) return () => answerRest(rest);
  if (isSweep && key === "x") return () => answer("x");
  if (key === "p" && $("#pause")) return () => $("#pause").requestSubmit();
  if (isSweep || "plain" in $("main").dataset) return null;
  if (key === "e") return () => form.elements.something_else.focus();
  if (key === "x") return () => form.requestSubmit($("button[name=cannot_see]", form));
  return null;
}

// ---------------------------------------------------------------- the image in full size

function full(link = $("a.image", placeNow() || document) || $("main a.image")) {
  const dialog = $("#full");
  if (!dialog || !link) return;
  const image = $("img", dialog);
  image.alt = $("img", link).alt;
  image.src = link.href;
  dialog.showModal();
  const pan = $(".pan", dialog);
  const center = () => pan.scrollTo((pan.scrollWidth - pan.clientWidth) / 2, (pan.scrollHeight - pan.clientHeight) / 2);
  image.onload = center;
  center();
  pan.focus();
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function actInFull(key) {
  if (key === "z" && keysOn()) return () => $("#full").close();
  if (!(key in STEPS)) return null;
  const [x, y] = STEPS[key];
  return () => $("#full .pan").scrollBy(x * innerWidth / 6, y * innerHeight / 6);
}

function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest?.("a");
  if (link?.matches("main a.image") && $("#full")) {
    event.preventDefault();
    full(link);
  } else if (link?.matches("main.rate[data-leases] .back, #sweep .back")) {
    event.preventDefault();
    goBack();
  } else if (event.target.closest?.("#full .pan") && !dragged) {
    $("#full").close();
  }
}

let dragged = false;

function onDrag(event) {
  const pan = event.target.closest?.(".pan");
  if (!pan || event.pointerType !== "mouse") return;
  event.preventDefault();
  dragged = false;
  const move = (to) => {
    if (Math.abs(to.movementX) + Math.abs(to.movementY) > 1) dragged = true;
    pan.scrollBy(-to.movementX, -to.movementY);
  };
  pan.focus();
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
}

// ---------------------------------------------------------------- what is said

function say(text) {
  $("#said").textContent = text;
}

function notice(text) {
  const line = $("#connection");
  if (line.textContent !== text) line.textContent = text;
  line.hidden = !text;
}

// ---------------------------------------------------------------- the owner's page

let known = "";

async function look() {
  const main = $("main[data-live]");
  if (!main || document.hidden || !$("#live-on").checked) return;
  try {
    const response = await fetch(main.dataset.live);
    if (!response.ok) return;
    const { expected_end: _, ...figures } = await response.json(); // it moves with the clock
    const now = JSON.stringify(figures);
    const isNew = known !== "" && now !== known;
    known = now;
    if (isNew) await renewParts();
  } catch { /* the next look tells */ }
}

// Parts in which somebody is working stay as they are.
async function renewParts() {
  const response = await fetch("/owner");
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[id^=live-]:not(input)")) {
    const now = page.getElementById(part.id);
    const isBusy = part.contains(document.activeElement);
    if (!now || isBusy || $("details[open]", part) || part.innerHTML === now.innerHTML) continue;
    part.replaceChildren(...document.adoptNode(now).childNodes);
  }
  showSwitch();
}

function showSwitch() {
  const line = $(".live");
  if (line) line.hidden = false;
}

function report(standing) {
  if (!$("#n-screens")) return;
  $("#n-screens").textContent = standing.n_screens.toLocaleString("en");
  $("#plural").textContent = standing.n_screens === 1 ? "" : "s";
  $("#share").value = standing.share_done;
  $("#share-said").textContent = `${Math.round(100 * standing.share_done)} %`;
  const minutes = Math.round(standing.seconds / 60);
  $("#spent").textContent = minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
}

document.addEventListener("submit", onSubmit);
document.addEventListener("change", onChange);
document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("pointerdown", onDrag);
addEventListener("online", resume);

if (rater) {
  showWhy();
  if ($("main[data-leases]")) begin();
  else poll($("main"));
  flush().then(() => prefetch());
}
if ($("main[data-live]")) {
  showSwitch();
  look();
  setInterval(look, LIVE);
}
