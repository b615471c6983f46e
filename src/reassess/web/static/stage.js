// Images on a page: whether each has been seen, how large it is, and the whole one over the page.

import { _ } from "./texts.js";

const PATIENCE = 15000; // milliseconds until an image that does not come is called missing
const MOST = 8; // times that a small image is enlarged

const $ = (selector, within = document) => within.querySelector(selector);
const SIZE = "rating.size";

// What keeps a question from being answered, in a sentence; empty where its image was seen.
export function unseen(part) {
  const stage = part.closest("main") && !part.matches(".cell") ? $(".stage", part.closest("main")) : part;
  if (!stage) return "";
  const frame = $(".frame", stage);
  if (!frame) return _("There is no image here that could be answered about.");
  if (frame.dataset.state === "shown") return "";
  if (frame.dataset.state === "failed") return _("The image did not load: try again, or say that you cannot see it.");
  return _("The image is not there yet. Wait until you see it.");
}

// Watch every image of a page until it is decoded. `onChange` is called whenever that changes.
export function watchAll(main, onChange) {
  for (const frame of main.querySelectorAll(".frame")) watch(frame, onChange);
  const size = $("#size", main);
  if (!size) return;
  size.value = sizeNow();
  if (!size.value) size.value = "fit";
  size.closest("label").hidden = false;
}

async function watch(frame, onChange) {
  const image = $("img", frame);
  const turn = String(Number(frame.dataset.turn || 0) + 1);
  frame.dataset.turn = turn;
  const become = (state) => {
    if (frame.dataset.turn !== turn) return;
    frame.dataset.state = state;
    $(".failed", frame).hidden = state !== "failed";
    if (state === "shown") resize(frame, onChange);
    onChange(frame);
  };
  become("loading");
  const slow = setTimeout(() => become("failed"), PATIENCE);
  try {
    await image.decode();
    become(image.naturalWidth ? "shown" : "failed");
  } catch {
    become("failed");
  }
  clearTimeout(slow);
}

export function tryAgain(frame, onChange) {
  const image = $("img", frame);
  image.src = image.src;
  watch(frame, onChange);
}

export function retryFailed(main, onChange) {
  for (const frame of main.querySelectorAll(".frame[data-state=failed]")) tryAgain(frame, onChange);
}

// ---------------------------------------------------------------- how large

const sizeNow = () => { try { return localStorage.getItem(SIZE) || "fit"; } catch { return "fit"; } };

export function setSize(value, main, onChange) {
  try { localStorage.setItem(SIZE, value); } catch { /* for this page only */ }
  const frame = $(".stage .frame", main);
  if (frame) resize(frame, onChange, value);
}

// Fit the frame, at most eightfold; or so many pixels of the screen for each of the image.
function resize(frame, onChange, value = sizeNow()) {
  const image = $("img", frame);
  const times = frame.closest(".stage") ? Number(value) : NaN;
  frame.classList.toggle("sized", Boolean(times));
  if (!times) {
    image.style.width = "";
    image.style.maxWidth = `${MOST * image.naturalWidth}px`;
    image.style.maxHeight = `${MOST * image.naturalHeight}px`;
    return;
  }
  const whole = $("a", frame).href;
  if (image.src !== whole) {
    image.src = whole;
    watch(frame, onChange);
    return;
  }
  image.style.maxWidth = image.style.maxHeight = "none";
  image.style.width = `${(times * image.naturalWidth) / devicePixelRatio}px`;
}

// ---------------------------------------------------------------- the whole image over the page

export function zoom(link) {
  const dialog = $("#full");
  if (!dialog || !link) return;
  const image = $("img", dialog);
  image.alt = $("img", link).alt;
  image.src = link.href;
  dialog.showModal();
  image.onload = fill;
  fill();
  $(".pan", dialog).focus();
}

// As wide as the window, at most eightfold; or pixel for pixel.
function fill() {
  const image = $("#full img");
  const pan = $("#full .pan");
  const isTrue = $("#full .true-size").getAttribute("aria-pressed") === "true";
  const whole = image.naturalWidth;
  if (whole) {
    const width = isTrue ? whole / devicePixelRatio : Math.max(whole, Math.min(pan.clientWidth, MOST * whole));
    image.style.width = `${width}px`;
  }
  pan.scrollTo((pan.scrollWidth - pan.clientWidth) / 2, (pan.scrollHeight - pan.clientHeight) / 2);
}

export function toggleTrueSize(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  fill();
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function pan(key) {
  if (!(key in STEPS)) return null;
  const [x, y] = STEPS[key];
  return () => $("#full .pan").scrollBy((x * innerWidth) / 6, (y * innerHeight) / 6);
}

let dragged = false;
export const wasDragged = () => dragged;

export function onDrag(event) {
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
