// Says what a mark is, follows a model, sifts by family and class, sorts tables. Draws nothing:
// the charts are in the page.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const { models, families, tips } = JSON.parse(byId("marks").textContent);
const numberOf = new Map(models.map((name, n) => [name, n]));
const steer = byId("steer");
const chosen = { model: "", family: "", class: "" };

// Every mark with a tip, and whose it is: a model by its number, anything else by its name.
// Looked up when the reader first points or asks: there may be ten thousand.
let known;
function marks() {
  known ??= new Map(all("[data-tip]").map((element) => {
    const figure = element.closest(".chart").dataset.figure;
    const [who, text] = tips[figure][element.dataset.tip];
    return [element, { element, who, name: models[who] ?? who, text }];
  }));
  return known;
}

// What is folded opens where a link, a search or a printer leads.
function unfold(element) {
  for (let one = element?.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
}
function unfoldTarget() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  unfold(target);
  if (target?.classList.contains("folded")) target.querySelector("details").open = true;
}
addEventListener("hashchange", unfoldTarget);
unfoldTarget();
addEventListener("beforeprint", () => all("details").forEach((one) => (one.open = true)));

const tip = byId("tip");
const places = new WeakMap(); // drawing -> where its dots are, while it has this width
function placesOf(drawing) {
  const { width } = drawing.getBoundingClientRect();
  if (places.get(drawing)?.width !== width) {
    const dots = all("circle[data-tip], path[data-tip][transform]", drawing).map((element) => {
      const { x, y, width: w, height: h } = element.getBBox();
      const centre = new DOMPoint(x + w / 2, y + h / 2).matrixTransform(element.getCTM());
      return { element, x: centre.x, y: centre.y };
    });
    places.set(drawing, { width, dots });
  }
  return places.get(drawing).dots;
}
function pointedAt(event) {
  for (const dy of [0, -3, 3]) {
    const under = document.elementFromPoint(event.clientX, event.clientY + dy);
    const found = under?.closest?.("[data-tip]:not(.dim)");
    if (found) return found;
  }
  const drawing = event.target.closest("svg");
  if (!drawing) return undefined;
  const { left, top } = drawing.getBoundingClientRect();
  let nearest, least = 14 ** 2;
  for (const { element, x, y } of placesOf(drawing)) {
    const distance = (event.clientX - left - x) ** 2 + (event.clientY - top - y) ** 2;
    if (distance < least && !element.classList.contains("dim")) [nearest, least] = [element, distance];
  }
  return nearest;
}
function show(event) {
  const mark = marks().get(pointedAt(event));
  tip.hidden = !mark;
  event.currentTarget.style.cursor = mark && numberOf.has(mark.name) ? "pointer" : "";
  if (!mark) return;
  const name = document.createElement("b");
  name.textContent = mark.name;
  tip.replaceChildren(name, ...mark.text.split(", ").filter(Boolean).map((line) => {
    const said = document.createElement("span");
    said.textContent = line;
    return said;
  }));
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
}
for (const chart of all(".chart")) {
  chart.addEventListener("pointermove", show);
  chart.addEventListener("pointerdown", show);
  chart.addEventListener("pointerleave", () => (tip.hidden = true));
  chart.addEventListener("click", (event) => {
    const { name } = marks().get(pointedAt(event)) ?? {};
    if (numberOf.has(name)) follow(name === chosen.model ? "" : name);
  });
}
addEventListener("scroll", () => (tip.hidden = true), { passive: true });

const SVG = "http://www.w3.org/2000/svg";
function drawn(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}
function follow(name) {
  chosen.model = name;
  all(".ring").forEach((ring) => ring.remove());
  all("path.followed").forEach((line) => line.classList.remove("followed"));
  const named = new Set();
  for (const { element } of name ? [...marks().values()].filter((mark) => mark.name === name) : []) {
    const [, tx, ty] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(element.getAttribute("transform")) ?? [];
    const cx = element.getAttribute("cx") ?? tx, cy = element.getAttribute("cy") ?? ty;
    if (element.tagName === "text" || element.tagName === "line") continue;
    if (cx === undefined) {
      element.classList.add("followed");
      continue;
    }
    const group = element.parentElement.parentElement, top = element.closest("svg");
    group.append(drawn("circle", { class: "ring", cx, cy, r: 8 })); // above all layers
    if (named.has(top) || top.closest("[data-figure=accuracies]")) continue;
    named.add(top);
    const place = { class: "ring said", x: cx, y: +cy - 14, "text-anchor": +cx < 120 ? "start" : "end" };
    group.append(drawn("text", place, name));
  }
  for (const row of rowsOf(byId("models"))) row.classList.toggle("followed", row.cells[0].textContent === name);
  if (steer.model) steer.model.value = name;
  tell();
}

function rowsOf(table) {
  return table ? [...table.tBodies[0].rows] : [];
}
const phrase = (text) => [text.trim().toLowerCase()];
const folded = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
const texts = new WeakMap();
function holds(element, words) {
  if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
  return words.every((word) => texts.get(element).includes(word));
}
function sift(table) {
  const own = folded(byId(`sift-${table.id}`)?.value ?? "");
  const ofClass = table.dataset.of === "class" ? phrase(chosen.class) : [""];
  const family = table.dataset.of === "model" ? chosen.family : "";
  let shown = 0;
  const rows = rowsOf(table);
  for (const row of rows) {
    row.hidden = !(holds(row, own) && holds(row, ofClass) &&
      (!family || families[numberOf.get(row.cells[0].textContent)] === family));
    shown += !row.hidden;
  }
  const sifted = own.length > 0 || ofClass[0] !== "" || family !== "";
  if (sifted && shown) unfold(table);
  table.classList.toggle("all", sifted || table.hasAttribute("data-whole"));
  const said = byId(`sift-${table.id}`)?.closest(".filter").querySelector("output");
  if (said) said.textContent = sifted ? `${shown} of ${rows.length}` : "";
  return shown;
}
const tables = all(".table table");
function choose(what, value) {
  chosen[what] = value;
  if (what === "family") {
    for (const { element, who } of marks().values())
      if (typeof who === "number") {
        const others = value !== "" && families[who] !== value;
        element.classList.toggle("dim", others);
        if (value && !others && element.tagName !== "text") element.parentElement.append(element);
      }
    if (chosen.model) follow(chosen.model);
  }
  if (what === "class")
    for (const picture of all(".gallery li")) {
      picture.hidden = !holds(picture, phrase(value));
      if (value.trim() && !picture.hidden) unfold(picture);
    }
  tables.forEach(sift);
  tell();
}
// What was found, in words: for those who do not see the rings, and as a way to get there.
function tell() {
  const said = [];
  const row = chosen.model && rowsOf(byId("models")).find((one) => one.cells[0].textContent === chosen.model);
  if (row) {
    const headings = [...byId("models").tHead.rows[0].cells].map((cell) => cell.textContent);
    const values = [...row.cells].map(({ childNodes: [value, aside] }) =>
      value.textContent.trim() + (aside ? ` (${aside.textContent})` : ""));
    said.push([headings.slice(1, 4).map((what, n) => `${what} ${values[n + 1]}`).join(", "), "models"]);
  }
  if (chosen.family) {
    const n = families.filter((family) => family === chosen.family).length;
    said.push([`${n} of ${models.length.toLocaleString("en")} models are ${chosen.family}`, "models"]);
  }
  if (chosen.class.trim()) {
    const found = tables.filter((one) => one.dataset.of === "class")
      .reduce((n, one) => n + rowsOf(one).filter((row) => !row.hidden).length, 0);
    const pictures = all(".gallery li:not([hidden])").length;
    said.push([`${found} rows and ${pictures} images about it`, "labels"]);
  }
  steer.querySelector("output").replaceChildren(...said.map(([text, id]) => {
    const link = document.createElement("a");
    if (byId(id)) link.href = `#${id}`;
    link.textContent = text;
    return link;
  }));
}
steer.hidden = false;
steer.addEventListener("submit", (event) => {
  event.preventDefault();
  steer.querySelector("output a[href]")?.click();
});
steer.model?.addEventListener("focus", () => { // 1,500 names are not needed to open the page
  const list = byId("model-names");
  if (!list.options.length) list.append(...models.map((name) => new Option(name, name)));
});
steer.model?.addEventListener("input", () => {
  const name = steer.model.value.trim();
  if (name === "" || numberOf.has(name)) follow(name);
});
steer.family?.addEventListener("change", () => choose("family", steer.family.value));
steer.class?.addEventListener("input", () => choose("class", steer.class.value));
for (const input of all(".filter input")) {
  input.closest(".filter").hidden = false;
  input.addEventListener("input", () => sift(byId(input.dataset.table)));
}

for (const button of all("button[data-figure]")) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => save(button.dataset.figure, button.dataset.type));
}
for (const button of all("button[data-file]")) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => saveFile(button.dataset.file));
}
let packed;
async function saveFile(name) {
  packed ??= JSON.parse(byId("files").textContent);
  const bytes = Uint8Array.from(atob(packed[name]), (letter) => letter.charCodeAt(0));
  const whole = new Blob([bytes], { type: "application/pdf" });
  const text = () => new Response(whole.stream().pipeThrough(new DecompressionStream("gzip"))).blob();
  download(name, name.endsWith(".pdf") ? whole : await text());
}
function download(name, blob) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(blob);
  link.click();
  URL.revokeObjectURL(link.href);
}
async function save(figure, type) {
  const svg = document.querySelector(`#chart-${figure} svg.wide`).cloneNode(true);
  svg.setAttribute("style", "background: #fff; font-family: Arial, Helvetica, sans-serif");
  all(".ring", svg).forEach((ring) => ring.remove());
  all("[data-tip]", svg).forEach((mark) => mark.removeAttribute("class"));
  const address = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.download = `${figure}.${type}`;
  link.href = address;
  if (type === "png") {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [3 * svg.getAttribute("width"), 3 * svg.getAttribute("height")];
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    link.href = canvas.toDataURL("image/png");
  }
  link.click();
  URL.revokeObjectURL(address);
}

const collator = new Intl.Collator("en", { numeric: true });
function compare(a, b) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
}
function sortBy(table, heading, column) {
  const numeric = heading.classList.contains("n");
  const first = numeric ? "descending" : "ascending";
  const now = heading.getAttribute("aria-sort");
  const order = now === first ? (numeric ? "ascending" : "descending") : first;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.sort;
  const rows = rowsOf(table).sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    const absent = x === undefined || y === undefined;
    return absent ? compare(x, y) : sign * compare(x, y);
  });
  rows.forEach((row, i) => row.classList.toggle("later", i >= 100));
  table.tBodies[0].append(...rows);
}
for (const table of tables) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(table, heading, column));
  });
  if (table.dataset.of === "model")
    table.tBodies[0].addEventListener("click", (event) => {
      const name = event.target.closest("tr")?.cells[0].textContent;
      if (numberOf.has(name)) follow(name === chosen.model ? "" : name);
    });
}
for (const button of all("button[data-all]")) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => {
    const table = byId(button.dataset.all);
    table.dataset.whole = "";
    sift(table);
    button.parentElement.remove();
  });
}

const links = new Map(all("nav ol a").map((a) => [a.hash.slice(1), a]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(target.id)?.setAttribute("aria-current", "true");
      }
  },
  { rootMargin: "-15% 0px -75% 0px" },
);
for (const section of all("main > section")) seen.observe(section);

for (const button of all("button[data-copy]")) {
  button.parentElement.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId(button.dataset.copy).innerText);
    button.textContent = "Copied";
  });
}

// Charts out of sight are not drawn while the page opens. Once it is there they are, one after
// another, so that a picture of the whole page shows them all.
const rest = window.requestIdleCallback ?? ((act) => setTimeout(act, 50));
addEventListener("load", () => {
  const later = all(".chart");
  rest(function draw() {
    later.shift()?.style.setProperty("content-visibility", "visible");
    if (later.length) rest(draw);
  });
});
