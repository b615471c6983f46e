// What is answered on a page: in one row before it is sent, undone, and kept when the page is left.

import { _, number } from "./texts.js";

const $ = (selector, within = document) => within.querySelector(selector);
const { rater, store = "" } = document.body.dataset;

export const questionsOf = (main) => [...main.querySelectorAll("fieldset[data-place]")];
export const openOf = (main) => questionsOf(main).filter((question) => !$("input:checked", question));

// ---------------------------------------------------------------- the row of answers

export function tally(main) {
  const row = $(".tally", main);
  if (!row) return;
  row.hidden = false;
  const items = $("#sweep", main) ? countsOf(main) : answersOf(main);
  $("ol", row).replaceChildren(...items.map(([kind, text]) => {
    const item = document.createElement("li");
    item.className = kind;
    item.textContent = text;
    return item;
  }));
  $(".undo", row).hidden = !past.length;
}

const wordOf = (radio) => radio.closest(".choice").textContent.trim();
const kindOf = (radio) => ["no", "maybe", "yes"][radio.value] || "see";

function answersOf(main) {
  return questionsOf(main).map((question, n) => {
    const said = $("input:checked", question);
    return said ? [kindOf(said), `${n + 1} ${wordOf(said)}`] : ["open", `${n + 1} –`];
  });
}

function countsOf(main) {
  const questions = questionsOf(main);
  const found = [...(questions[0]?.querySelectorAll("input[type=radio]") || [])].map((radio) => {
    const n = questions.filter((question) => $(`input[value="${radio.value}"]`, question)?.checked).length;
    return [kindOf(radio), `${n} ${wordOf(radio)}`];
  });
  return [...found.filter(([kind, text]) => kind !== "see" || !text.startsWith("0 ")), ["open", _("{n} open", { n: number(openOf(main).length) })]];
}

// ---------------------------------------------------------------- undoing

const past = []; // what each act changed: [name of the radios, value before]
let values = new Map();

const read = (main) => new Map(
  questionsOf(main).map((question) => {
    const radio = $("input[type=radio]", question);
    return [radio.name, $("input:checked", question)?.value ?? null];
  }),
);

export function startHistory(main) {
  past.length = 0;
  values = read(main);
}

// Remember what was changed since the last act, as one act.
export function noteAct(main) {
  const now = read(main);
  const changed = [...values].filter(([name, value]) => now.get(name) !== value);
  if (changed.length) past.push(changed);
  values = now;
}

// How many answers the last act had changed, now as they were before it.
export function undoAct(main) {
  const changed = past.pop() || [];
  for (const [name, value] of changed) {
    for (const radio of main.querySelectorAll(`input[name="${name}"]`)) radio.checked = radio.value === value;
  }
  values = read(main);
  return changed.length;
}

// ---------------------------------------------------------------- drafts

const DRAFTS = `rating.drafts.${store}.${rater}`;
const MOST = 200;

function drafts() {
  try { return JSON.parse(localStorage.getItem(DRAFTS)) || {}; } catch { return {}; }
}

function write(all) {
  const newest = Object.entries(all).sort(([, one], [, other]) => other.at - one.at).slice(0, MOST);
  try { localStorage.setItem(DRAFTS, JSON.stringify(Object.fromEntries(newest))); } catch { /* no room */ }
}

// The parts of a page that are sent by themselves: the form of a task, each image of a grid.
function partsOf(main) {
  const screen = $("#screen", main);
  if (screen) {
    const { pathname, search } = new URL(screen.action);
    return [[pathname + search, screen]];
  }
  return [...main.querySelectorAll("fieldset[data-lease]")].map((cell) => [`/grid/${cell.dataset.lease}`, cell]);
}

const isKept = (field) => /^(answer-|milliseconds-|something_else$|note$)/.test(field.name);
const fieldsOf = (part) => [...part.querySelectorAll("input")].filter(isKept);

export function keepDraft(main) {
  if (!rater || "answered" in main.dataset) return;
  const all = drafts();
  for (const [id, part] of partsOf(main)) {
    const said = fieldsOf(part).filter((one) => (one.type === "radio" ? one.checked : one.value));
    if (said.some((one) => one.type !== "hidden")) all[id] = { at: Date.now(), said: said.map((one) => [one.name, one.value]) };
    else delete all[id];
  }
  write(all);
}

// Put back what was answered before the page was left, where the server knows nothing newer.
export function restoreDraft(main) {
  if (!rater || "answered" in main.dataset || $("[data-place] input:checked", main)) return;
  const all = drafts();
  for (const [id, part] of partsOf(main)) {
    const said = new Map(all[id]?.said || []);
    for (const field of fieldsOf(part)) {
      if (!said.has(field.name)) continue;
      if (field.type === "radio") field.checked = field.value === said.get(field.name);
      else field.value = said.get(field.name);
    }
  }
}

// What was sent is no draft any more; on a grid only what was answered is sent.
export function dropDraft(main, leases = null) {
  const all = drafts();
  for (const [id, part] of partsOf(main)) {
    if (!leases || !part.dataset.lease || leases.includes(Number(part.dataset.lease))) delete all[id];
  }
  write(all);
}
