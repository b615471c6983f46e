// Draws the charts in the width of the page, lets the reader follow a model, sorts tables.
const specs = JSON.parse(document.getElementById("specs").textContent);
const views = new Map();
const select = document.getElementById("follow");
let followed = "";

function follow(model) {
  followed = model;
  if (select) select.value = model;
  for (const view of views.values()) view.signal("followed", model).run();
  for (const row of document.querySelectorAll("tr[data-model]"))
    row.classList.toggle("followed", row.dataset.model === model);
}

let drawing; // the script that draws is read when the first chart comes near, not on opening
function vega() {
  drawing ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.type = "module";
    script.textContent = document.getElementById("bundle").textContent;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
  return drawing;
}

async function draw(id) {
  const place = document.getElementById(`chart-${id}`);
  const drawn = place.innerHTML;
  try {
    await vega();
    place.classList.add("live");
    const { view } = await window.vegaEmbed(place, specs[id], { renderer: "svg", actions: false });
    view.addEventListener("click", (event, item) => {
      const model = item?.datum?.model;
      if (known.has(model)) follow(model === followed ? "" : model);
    });
    if (followed) view.signal("followed", followed).run();
    views.set(id, view);
    place.parentElement.querySelector(".save").hidden = false;
  } catch (error) {
    place.innerHTML = drawn; // the drawing that came with the page stays readable
    place.classList.remove("live");
    console.error(`figure ${id}:`, error);
  }
}

const known = new Set(select ? [...select.options].map((o) => o.value).filter(Boolean) : []);
// Charts near the reader are drawn first, the others while nothing else is to be done.
const waiting = new Set(Object.keys(specs).filter((id) => document.getElementById(`chart-${id}`)));
function start(id) {
  return waiting.delete(id) ? draw(id) : undefined;
}
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        near.unobserve(target);
        start(target.id.replace("chart-", ""));
      }
  },
  { rootMargin: "600px" },
);
const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 50));
function next() {
  const [id] = waiting;
  if (id) idle(async () => (await start(id), next()));
}
function watch() {
  for (const id of waiting) near.observe(document.getElementById(`chart-${id}`));
  next();
}
if (document.readyState === "complete") watch();
else addEventListener("load", () => setTimeout(watch));

if (select) {
  select.closest(".follow").hidden = false;
  select.addEventListener("change", () => follow(select.value));
}

for (const button of document.querySelectorAll("button[data-figure]"))
  button.addEventListener("click", async () => {
    const { figure, type } = button.dataset;
    const view = views.get(figure);
    const link = document.createElement("a");
    link.href = await view.background("#ffffff").toImageURL(type, 2);
    link.download = `${figure}.${type}`;
    link.click();
  });

const collator = new Intl.Collator("en", { numeric: true });
function compare(a, b) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
}
for (const table of document.querySelectorAll(".table table")) {
  const body = table.tBodies[0];
  for (const row of body.rows) {
    const name = row.cells[0].textContent;
    if (table.id === "models" && known.has(name)) {
      row.dataset.model = name;
      row.addEventListener("click", () => follow(name === followed ? "" : name));
    }
  }
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("n");
      const first = numeric ? "descending" : "ascending";
      const now = heading.getAttribute("aria-sort");
      const order = now === first ? (numeric ? "ascending" : "descending") : first;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => row.cells[column].dataset.sort;
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const absent = x === undefined || y === undefined;
        return absent ? compare(x, y) : sign * compare(x, y);
      });
      rows.forEach((row, i) => row.classList.toggle("later", i >= 100));
      body.append(...rows);
    });
  });
}

const links = new Map([...document.querySelectorAll("nav ol a")].map((a) => [a.hash.slice(1), a]));
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
for (const section of document.querySelectorAll("main > section")) seen.observe(section);

function showAll(table) {
  document.getElementById(table).classList.add("all");
  document.querySelector(`button[data-all="${table}"]`)?.parentElement.remove();
}
for (const button of document.querySelectorAll("button[data-all]"))
  button.addEventListener("click", () => showAll(button.dataset.all));

for (const input of document.querySelectorAll(".filter input")) {
  const said = input.closest(".filter").querySelector("output");
  let rows, texts;
  input.closest(".filter").hidden = false;
  input.addEventListener("input", () => {
    showAll(input.dataset.table);
    rows ??= [...document.getElementById(input.dataset.table).tBodies[0].rows];
    texts ??= rows.map((row) => row.textContent.toLowerCase());
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      shown += !row.hidden;
    });
    said.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.parentElement.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.textContent = "Copied";
  });
}
