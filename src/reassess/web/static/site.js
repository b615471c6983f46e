// Keys, prefetching, answers that wait for a connection, and the owner's page that updates
// itself. Every page works without this file: it fetches the same pages and sends the same answers.

import { dropDraft, keepDraft, noteAct, openOf, questionsOf, restoreDraft, startHistory, tally, undoAct } from "./answers.js";
import { keyOf, mayRepeat } from "./keys.js";
import { _, ngettext, number } from "./texts.js";
import { onDrag, pan, retryFailed, setSize, toggleTrueSize, tryAgain, unseen, wasDragged, watchAll, zoom } from "./stage.js";

const DEEP = 2; // screens to have ahead
const LIVE = 5000; // milliseconds between looks at the owner's figures
const TWICE = 700; // milliseconds within which a second press is of the same hand
const PATIENCE = [1000, 2000, 5000, 10000]; // milliseconds between tries to send

const $ = (selector, within = document) => within.querySelector(selector);
const { rater, root: ROOT = "", store = "" } = document.body.dataset; // ROOT: the path of this site's start
const ACTS = JSON.parse(document.body.dataset.keys || "{}"); // the keys that answer nothing
const ahead = []; // <main> elements to come
let tries = 0;
let timer = 0;
let sending = null;
let fetching = null;
let moving = false;
let last = 0; // when the rater answered last
let shown = 0; // when the screen came up
let swept = ""; // the images of the grid that was answered last
let skipped = -TWICE; // when an image was given to others last
let touched = 0; // when a finger or a mouse pressed last

// ---------------------------------------------------------------- answers that wait

const OUTBOXES = `rating.outbox${ROOT && `${ROOT}/`}.`; // of all studies that were at this address
const BOX = `${OUTBOXES}${store}.${rater}`; // of the database that the page is of

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
      response = await fetch(`${ROOT}/api/screens/${one.lease}/answers`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": $("meta[name=csrf]").content },
        body: JSON.stringify(one.body),
      });
    } catch {
      return later(`${_("The connection is lost.")} ${counted()} ${_("They are sent when it returns.")}`);
    }
    if (response.ok) {
      drop(one.body.key);
      report((await response.json()).standing);
    } else if (response.status === 403 && !renewed) {
      renewed = true;
      await renew();
    } else if (response.status === 401 || response.status === 403) {
      return later(`${counted()} ${await reason(response)} ${_("They are sent when you are back.")}`);
    } else if ([404, 409].includes(response.status) && await isOfAnother()) {
      ahead.length = 0; // what is prefetched is of the other study too
      restart(await reason(response)); // the answers wait for their own study
      return false;
    } else if (response.status === 409) { // of this one, before it was put back
      drop(one.body.key);
      ahead.length = 0;
      restart(`${_("The answers to 1 image were not stored.")} ${await reason(response)}`);
      return false;
    } else if ([404, 413, 422].includes(response.status)) {
      drop(one.body.key);
      notice(_("An answer was refused: {reason}", { reason: await reason(response) }));
      tries = 0;
      return send();
    } else {
      return later(`${_("The study cannot be reached.")} ${counted()} ${_("They are sent when it is back.")}`);
    }
  }
  if (tries) {
    tries = 0;
    notice("");
    say(_("The connection is back. All answers are sent."));
  }
  return true;
}

// Begin again with a fresh page, which shows why.
function restart(why) {
  try { sessionStorage.setItem("rating.why", why); } catch { /* the page is new all the same */ }
  location.assign(`${ROOT}/`);
}

function showWhy() {
  try {
    const why = sessionStorage.getItem("rating.why");
    sessionStorage.removeItem("rating.why");
    const strays = Object.keys(localStorage).filter((key) => key.startsWith(OUTBOXES) && !key.startsWith(`${OUTBOXES}${store}.`));
    const n = strays.reduce((sum, key) => sum + (JSON.parse(localStorage.getItem(key)) || []).length, 0);
    const waits = n ? ngettext("Answers to {n} image of another study wait in this browser. They are sent when that study is at this address again.", "Answers to {n} images of another study wait in this browser. They are sent when that study is at this address again.", n) : "";
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
  return ngettext("{n} image's answers wait in this browser.", "{n} images' answers wait in this browser.", waiting().length);
}

async function reason(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return "";
  }
}

// Whether another study is at this address than the page is of.
async function isOfAnother() {
  try {
    const response = await fetch(`${ROOT}/api/session`);
    return response.ok && (await response.json()).store !== store;
  } catch {
    return true;
  }
}

async function renew() {
  try {
    const response = await fetch(`${ROOT}/api/session`);
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
const moreOf = (main, withCurrent) => `${main.dataset.more || `${ROOT}/rate`}?beyond=${held(withCurrent).join(",")}`;

// The <main> of a page, or null where the connection is lost.
async function load(address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    return null;
  }
  for (const first of [`${ROOT}/sign-in`, `${ROOT}/consent`]) {
    if (new URL(response.url).pathname !== first) continue;
    location.assign(first);
    return null;
  }
  if (response.status >= 500) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.body.dataset.store !== store || page.body.dataset.rater !== rater) {
    restart(_("This page was of another study, or of another person's, and was loaded again."));
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
      if (!shown.closest(".frame")) continue;
      image.alt = shown.alt;
      if (await image.decode().then(() => true, () => false)) shown.replaceWith(image); // at hand at once
    }
  }
}

// ---------------------------------------------------------------- tasks that are kept

const BEAT = 60000; // milliseconds between signs of life, at most; a third of what a task has left
const TAKEN = _("This was open for long, and went to others. What you answer is kept; it may not be needed.");

// What a page shows stays with its rater while it is open; what ran out is held again if it can be.
async function keepHeld() {
  const main = $("main");
  const mine = held(!("answered" in main.dataset));
  if (!mine.length) return;
  let response;
  try {
    response = await fetch(`${ROOT}/api/screens/keep`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": $("meta[name=csrf]").content },
      body: JSON.stringify({ leases: mine }),
    });
  } catch {
    return; // the next beat tells
  }
  if (response.status === 403) return renew();
  if (!response.ok) return;
  const kept = new Set((await response.json()).held);
  for (let n = ahead.length - 1; n >= 0; n -= 1) {
    if (!leasesOf(ahead[n]).every((lease) => kept.has(lease))) ahead.splice(n, 1); // never shown
  }
  const isSent = (lease) => waiting().some((one) => one.lease === lease);
  const isLost = main.isConnected && !("answered" in main.dataset) && leasesOf(main).some((lease) => !kept.has(lease) && !isSent(lease));
  if (isLost) hint(TAKEN, true);
}

function beat() {
  const left = Number($("main").dataset.seconds);
  setTimeout(() => keepHeld().finally(beat), Math.min(BEAT, left ? Math.max(1000, left * 333) : BEAT));
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
  return `${ROOT}/rate/${lease ? `${lease}/back` : "last"}`;
}

async function goBack() {
  if (moving) return;
  const current = $("main");
  if ("plain" in current.dataset) return $(".back", current).click();
  const address = earlierThan(current);
  if (!address) return say(_("There is nothing earlier."));
  await goTo(address, _("Back."));
}

// To a task that was held before; the one at hand comes after it.
async function goTo(address, words) {
  if (moving) return;
  moving = true;
  const current = $("main");
  try {
    if (!(await flush())) return hint(_("You can go back when the connection has returned."));
    const earlier = await load(address);
    if (!earlier) return hint(_("You can go back when the connection has returned."));
    if (isSame(earlier, current) || !leasesOf(earlier).length) return say(_("There is nothing earlier."));
    if (leasesOf(current).length && !("answered" in current.dataset)) ahead.unshift(current);
    done("", null);
    show(earlier, words);
  } finally {
    moving = false;
  }
}

function begin() {
  const main = $("main");
  shown = last = performance.now();
  document.title = main.dataset.title || document.title;
  applyKeys();
  restoreDraft(main);
  startHistory(main);
  watchAll(main, onImage);
  tally(main);
  goOn(main, "answered" in main.dataset || !openOf(main).length && "plain" in main.dataset);
  poll(main);
}

// To the first open question; an answer that was given before is at hand only when it is chosen.
function goOn(main, isCorrection = false) {
  const [open] = isCorrection ? [] : openOf(main);
  const next = open ? $("input[type=radio]", open) : isCorrection ? main : submitOf(main) || main;
  next.focus({ preventScroll: true });
}

const submitOf = (main) => $("#screen button[type=submit], #sweep button[type=submit]", main);

// An image came, or did not.
function onImage(frame) {
  const main = $("main");
  const button = main.contains(frame) && $("#screen button[type=submit]", main);
  if (!button) return;
  if (unseen(button)) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
  if (frame.dataset.state === "failed") say(_("The image did not load."));
}

function poll(main) {
  if (main.dataset.idle !== "wait") return;
  const again = setInterval(async () => {
    if (!main.isConnected) return clearInterval(again);
    const next = await load(`${ROOT}/rate`);
    if (next && leasesOf(next).length && main.isConnected) {
      clearInterval(again);
      show(next, _("There is more to do."));
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
  const main = $("main");
  const { dataset } = main;
  const act = event.submitter?.name;
  if (form.elements.csrf) form.elements.csrf.value = $("meta[name=csrf]").content;
  if (!["screen", "sweep"].includes(form.id)) return;
  if (act === "rest") {
    event.preventDefault();
    answerRest(event.submitter.value);
    return;
  }
  if (act === "cannot_see") { // pressed twice, it would be said of an image that just came
    if (performance.now() - skipped < TWICE) return event.preventDefault();
    skipped = performance.now();
  }
  const problem = form.id === "screen" && act !== "cannot_see" ? unseen(form) : "";
  if (problem || moving) {
    event.preventDefault();
    return hint(problem);
  }
  if (form.id === "screen" && form.elements.milliseconds) form.elements.milliseconds.value = Math.round(performance.now() - shown);
  if ("plain" in dataset || "practice" in dataset) return dropDraft(main);
  const made = form.id === "sweep" ? sweptOf(form) : [screenOf(form, act === "cannot_see")];
  const keys = made.map((one) => one.body.key);
  const box = waiting().filter((other) => !keys.includes(other.body.key));
  if (!keep([...box, ...made])) return; // no room in this browser: let the form go the plain way
  event.preventDefault();
  const leases = made.map((one) => one.lease);
  if (form.id === "sweep" && made.length && !("answered" in dataset)) swept = leases.join(",");
  dropDraft(main, leases);
  done(act === "cannot_see" ? _("The image goes to others.") : "", leases[0]);
  flush();
  advance(_("Saved."));
}

const sealOf = (data, name) => data.get(name) || "";
const screenOf = (form, cannotSee) => ({ lease: leasesOf($("main"))[0], body: bodyOf(form, cannotSee) });

// What was answered on a grid: one body for each image that was seen.
function sweptOf(form) {
  const data = new FormData(form);
  return [...form.querySelectorAll("fieldset[data-lease]")].flatMap((cell) => {
    const lease = Number(cell.dataset.lease);
    const said = data.get(`answer-${lease}`);
    if (said === null || (said !== "x" && unseen(cell))) return [];
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
  const main = $("main");
  const { id, name, type, value } = event.target;
  if (id === "keys-on") {
    try { localStorage.setItem("rating.keys", event.target.checked ? "on" : "off"); } catch { /* for this page only */ }
    return;
  }
  if (id === "size") return setSize(value, main, onImage);
  if (name === "rest" && value !== "") {
    event.target.value = "";
    return answerRest(value);
  }
  const question = event.target.closest("fieldset[data-place]");
  if (!question || type !== "radio") return;
  const took = $("input[type=hidden]", question);
  if (took) {
    const now = performance.now();
    took.value = Math.round((Number(took.value) || 0) + now - last);
    last = now;
  }
  noteAct(main);
  afterAct(main);
  if (performance.now() - touched < 1000 && matchMedia("(max-width: 60rem)").matches) showNext(main, question);
}

function afterAct(main) {
  tally(main);
  keepDraft(main);
}

function nextOpen(main, question) {
  const all = questionsOf(main);
  const start = all.indexOf(question) + 1;
  return [...all.slice(start), ...all.slice(0, start)].find((one) => !$("input:checked", one));
}

// On a phone the next open question comes by itself.
function showNext(main, question) {
  if ($("#sweep", main)) return;
  const next = nextOpen(main, question) || $(".send", main);
  next.scrollIntoView({ block: next.matches(".send") ? "end" : "start", behavior: "smooth" });
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

// A letter answers the question at hand, and no other.
function answer(value) {
  const now = placeNow();
  if (!now) return hint(_("Choose a question first."));
  const problem = value === "x" ? "" : unseen(now);
  if (problem) return hint(problem);
  const radio = $(`input[value="${value}"]`, now);
  if (!radio) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  const open = nextOpen($("main"), now);
  if (open) choose(open.dataset.place);
  else submitOf(document).focus();
}

// The same answer for all that is open and was seen, once that is confirmed.
async function answerRest(value) {
  const main = $("main");
  const open = openOf(main).filter((question) => !unseen(question));
  if (!open.length) return hint(_("Nothing is open that you can see."));
  const word = $(`input[value="${value}"]`, open[0]).closest(".choice").textContent.trim();
  const n = open.length;
  const ask = $("#sweep", main)
    ? ngettext("Answer {n} open image with “{word}”?", "Answer {n} open images with “{word}”?", n, { word })
    : ngettext("Answer {n} open question with “{word}”?", "Answer {n} open questions with “{word}”?", n, { word });
  if (!(await confirmed(ask, _("{word}, all {n}", { word, n: number(n) }))) || !main.isConnected) return;
  for (const question of open) $(`input[value="${value}"]`, question).checked = true;
  noteAct(main);
  afterAct(main);
  say(ngettext("{n} answered with “{word}”.", "{n} answered with “{word}”.", n, { word }));
  submitOf(document).focus();
}

function confirmed(question, button) {
  const dialog = $("#confirm");
  $("p", dialog).textContent = question;
  $("button", dialog).textContent = button;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function undo() {
  const main = $("main");
  const n = undoAct(main);
  if (!n) return hint(_("There is nothing to undo."));
  afterAct(main);
  goOn(main);
  say(ngettext("{n} answer undone.", "{n} answers undone.", n));
}

// To the image before; from the first one to the last grid.
function before() {
  const now = placeNow();
  const place = now ? Number(now.dataset.place) : document.querySelectorAll("fieldset[data-lease]").length;
  if (place > 0) choose(place - 1);
  else goBack();
}

function onKey(event) {
  if (event.isComposing || event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  const form = $("#screen, #sweep");
  if (event.repeat && !mayRepeat(event) && (form || event.key === "Enter")) return event.preventDefault();
  const dialog = $("dialog[open]");
  if (dialog?.id === "confirm") return;
  const known = knownTo(form);
  const key = keyOf(event, known);
  const isUndo = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z";
  if (!isUndo && (event.ctrlKey || event.metaKey || event.altKey)) return;
  const act = isUndo ? form && !dialog && undo : actOf(key, form, Boolean(dialog), event);
  if (!act) return;
  event.preventDefault();
  act();
}

const radiosOf = (form) => [...(form?.querySelectorAll("fieldset[data-place] input[data-key]") || [])];
const knownTo = (form) => new Set([..."12345678?", ...Object.values(ACTS), ...radiosOf(form).map((one) => one.dataset.key)]);

// The answer whose key this is, as the study words or names it.
const valueOf = (form, key) => radiosOf(form).find((radio) => radio.dataset.key === key)?.value;

function actOf(key, form, isFull, { target, shiftKey }) {
  if (isFull) return key === ACTS.zoom && keysOn() ? () => $("#full").close() : pan(key);
  if (moving) return null;
  const isSweep = form?.id === "sweep";
  if (key === "Backspace" && $("main.rate[data-leases], main[data-idle], main[data-plain], main.sweep")) {
    return keysOn() ? (isSweep ? before : goBack) : null;
  }
  if (!form) return null;
  if (key === "Enter") return target.matches("button, a, summary") ? null : () => form.requestSubmit($("button[type=submit]", form));
  if (!keysOn()) return null;
  if (/^[1-8]$/.test(key) && !isSweep) return () => choose(Number(key) - 1);
  const said = valueOf(form, key);
  if (said !== undefined) return shiftKey && $("[name=rest]", form) ? () => answerRest(said) : () => answer(said);
  if (key === ACTS.zoom) return () => zoom($("a.image", placeNow() || document) || $("main a.image"));
  if (key === "?") return () => { $(".keys").open = !$(".keys").open; };
  if (isSweep && key === ACTS.see) return () => answer("x");
  if (key === ACTS.pause && $("#pause")) return () => $("#pause").requestSubmit();
  if (isSweep || "plain" in $("main").dataset) return null;
  if (key === ACTS.else) return () => form.elements.something_else.focus();
  const cannotSee = $("button[name=cannot_see]", form);
  if (key === ACTS.see && cannotSee) return () => form.requestSubmit(cannotSee);
  return null;
}

function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const at = (selector) => event.target.closest?.(selector);
  const link = at("a");
  if (link?.matches("main a.image") && $("#full")) {
    event.preventDefault();
    zoom(link);
  } else if (link?.matches("main.rate[data-leases] .back, #sweep .back")) {
    event.preventDefault();
    goBack();
  } else if (at("#full .true-size")) {
    toggleTrueSize(at("#full .true-size"));
  } else if (at("#full .pan") && !wasDragged()) {
    $("#full").close();
  } else if (at(".again")) {
    tryAgain(at(".frame"), onImage);
  } else if (at(".undo")) {
    undo();
  } else if (at("#done button")) {
    goTo(`${ROOT}/rate/${at("#done").dataset.lease}`, _("Undone."));
  }
}

// ---------------------------------------------------------------- what is said

function say(text) {
  $("#said").textContent = text;
}

// A word about a key or a button that could not act; it goes by itself.
function hint(text, stays = false) {
  if (!text) return;
  done(text, null);
  if (stays) return;
  setTimeout(() => { if ($("#done span").textContent === text) $("#done").hidden = true; }, 4000);
}

// What was done, and can be undone by going back to a task; nothing where there is no text.
function done(text, lease) {
  const line = $("#done");
  $("span", line).textContent = text;
  line.hidden = !text;
  $("button", line).hidden = lease === null;
  line.dataset.lease = lease ?? "";
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
    const { expected_end: moves, ...figures } = await response.json(); // it moves with the clock
    const now = JSON.stringify(figures);
    const isNew = known !== "" && now !== known;
    known = now;
    if (isNew) await renewParts();
  } catch { /* the next look tells */ }
}

// Parts in which somebody is working stay as they are.
async function renewParts() {
  const response = await fetch(`${ROOT}/owner`);
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
  $("#n-screens").textContent = number(standing.n_screens);
  if ($("#finish")) $("#finish").hidden = standing.n_screens < standing.goal;
  if ($("#goal")) $("#goal").value = Math.min(standing.n_screens, standing.goal);
  if ($("#share")) {
    $("#share").value = standing.share_done;
    $("#share-said").textContent = _("about {percent} %", { percent: Math.round(100 * standing.share_done) });
  }
  const minutes = Math.round(standing.seconds / 60);
  $("#spent").textContent = minutes < 60
    ? _("{minutes} min", { minutes })
    : _("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

document.addEventListener("submit", onSubmit);
document.addEventListener("change", onChange);
document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("pointerdown", onDrag);
document.addEventListener("pointerdown", () => { touched = performance.now(); }, true);
document.addEventListener("input", (event) => { if (event.target.matches("main input[type=text]")) keepDraft($("main")); });
document.addEventListener("visibilitychange", () => { if (rater && !document.hidden) keepHeld(); });
addEventListener("online", () => {
  retryFailed($("main"), onImage);
  resume();
});

// Enter begins at once, while the page stays at its top, to be read.
$("[data-first]")?.focus({ preventScroll: true });

if (rater) {
  showWhy();
  beat();
  if ($("main[data-leases], main[data-plain]")) begin();
  else {
    watchAll($("main"), () => {});
    poll($("main"));
  }
  flush().then(() => prefetch());
}
if ($("main[data-live]")) {
  showSwitch();
  look();
  setInterval(look, LIVE);
}
