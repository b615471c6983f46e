// Keys, prefetching and answers that wait for a connection. Every page works without this file:
// it fetches the same pages and sends the same answers.

const DEEP = 2; // screens to have ahead
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

// ---------------------------------------------------------------- answers that wait

const BOX = `rating.outbox.${rater}`;

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

const leaseOf = (main) => Number(main.dataset.lease) || null;

function held(withCurrent) {
  const current = $("main");
  return [...(withCurrent ? [current] : []), ...ahead].map(leaseOf).concat(waiting().map((one) => one.lease)).filter(Boolean);
}

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
  if (!leaseOf(current) || "practice" in current.dataset) return;
  while (ahead.length < DEEP) {
    const main = await load(`/rate?beyond=${held(true).join(",")}`);
    if (!main || !leaseOf(main) || held(true).includes(leaseOf(main))) return;
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
    if (!next) {
      await flush();
      next = await load(`/rate?beyond=${held(false).join(",")}`);
    }
    if (next) {
      show(next, words);
    } else if (!$("main[data-offline]")) {
      show(document.importNode($("#offline").content, true).firstElementChild, "");
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

async function goBack() {
  if (moving) return;
  const current = $("main");
  const lease = leaseOf(current);
  moving = true;
  try {
    if (!(await flush())) return say("You can go back when the connection has returned.");
    const earlier = await load(lease ? `/rate/${lease}/back` : "/rate/last");
    if (!earlier) return say("You can go back when the connection has returned.");
    if (leaseOf(earlier) === lease || !leaseOf(earlier)) return say("There is nothing earlier.");
    if (lease && !("answered" in current.dataset)) ahead.unshift(current);
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
  const first = $(".question input:checked", main) || $(".question input[type=radio]", main);
  (first || main).focus({ preventScroll: true });
  poll(main);
}

function poll(main) {
  if (main.dataset.idle !== "wait") return;
  const again = setInterval(async () => {
    if (!main.isConnected) return clearInterval(again);
    const next = await load("/rate");
    if (next && leaseOf(next) && main.isConnected) {
      clearInterval(again);
      show(next, "There is more to do.");
      prefetch();
    }
  }, 15000);
}

function onSubmit(event) {
  const form = event.target;
  if (form.id === "pause") {
    const current = $("main");
    const mine = "answered" in current.dataset ? ahead : [current, ...ahead];
    form.elements.leases.value = mine.map(leaseOf).filter(Boolean).join(",");
    form.elements.csrf.value = $("meta[name=csrf]").content;
    return;
  }
  if (form.id !== "screen") return;
  form.elements.milliseconds.value = Math.round(performance.now() - shown);
  if ("practice" in $("main").dataset) {
    form.elements.csrf.value = $("meta[name=csrf]").content;
    return;
  }
  const one = { lease: leaseOf($("main")), body: bodyOf(form, event.submitter?.name === "cannot_see") };
  const box = waiting().filter((other) => other.body.key !== one.body.key);
  if (!keep([...box, one])) return; // no room in this browser: let the form go the plain way
  event.preventDefault();
  flush();
  advance("Saved.");
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
  };
}

function onChange(event) {
  if (event.target.id === "keys-on") {
    try { localStorage.setItem("rating.keys", event.target.checked ? "on" : "off"); } catch { /* for this page only */ }
    return;
  }
  const question = event.target.closest("fieldset.question");
  if (!question || event.target.type !== "radio") return;
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

function answer(value) {
  const now = document.activeElement.closest?.("fieldset.question") || $("fieldset.question");
  const radio = $(`input[value="${value}"]`, now);
  if (!radio) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  const all = [...document.querySelectorAll("fieldset.question")];
  const start = all.indexOf(now) + 1;
  const open = [...all.slice(start), ...all.slice(0, start)].find((question) => !$("input:checked", question));
  if (open) choose(open.dataset.place);
  else $("#screen button[type=submit]").focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  const form = $("#screen");
  const dialog = $("#full");
  const act = actOf(event.key, form, dialog && dialog.open, event.target);
  if (!act) return;
  event.preventDefault();
  act();
}

function actOf(key, form, isFull, target) {
  if (isFull) return key === "z" && keysOn() ? () => $("#full").close() : null;
  if (key === "Backspace" && ($("main.rate[data-lease]") || $("main[data-idle]"))) return keysOn() ? goBack : null;
  if (!form) return null;
  if (key === "Enter") return target.matches("button, a, summary") ? null : () => form.requestSubmit($("button[type=submit]", form));
  if (!keysOn()) return null;
  if (/^[1-8]$/.test(key)) return () => choose(Number(key) - 1);
  const said = [...form.querySelectorAll("input[data-key]")].find((radio) => radio.dataset.key === key);
  if (said) return () => answer(said.value);
  if (key === "z") return full;
  if (key === "e") return () => form.elements.something_else.focus();
  if (key === "x") return () => form.requestSubmit($("button[name=cannot_see]", form));
  if (key === "p") return () => $("#pause").requestSubmit();
  if (key === "?") return () => { $(".keys").open = !$(".keys").open; };
  return null;
}

// ---------------------------------------------------------------- the image in full size

function full() {
  const dialog = $("#full");
  const image = $(".image img");
  if (!dialog || !image) return;
  $("img", dialog).src = image.src;
  dialog.showModal();
  $(".pan", dialog).focus();
}

function onClick(event) {
  const link = event.target.closest?.("a");
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link?.matches(".rate .image") && $("#full")) {
    event.preventDefault();
    full();
  } else if (link?.matches("#screen .back")) {
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
  if ($("main.rate[data-lease]")) begin();
  else poll($("main"));
  flush().then(() => prefetch());
}
