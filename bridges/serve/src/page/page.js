// Shows all boards live, by the events of the server.

const state = document.getElementById("state");
const place = document.getElementById("boards");
const none = document.getElementById("none");

// A document may have any number of values; nobody reads more of them.
const MOST = 200;
// What fits a line, on a phone too.
const SHORT = 22;
const SHORT_UNIT = 8;

class Card {
  constructor(name) {
    this.name = name;
    this.root = document.getElementById("board").content.cloneNode(true).firstElementChild;
    this.root.dataset.board = name;
    this.root.querySelector("h2").textContent = name;
    this.rows = new Map();
    this.fields = [];
    this.born = null;
    const after = [...place.children].find((other) => other.dataset.board > name);
    place.insertBefore(this.root, after ?? null);
  }

  find(name) {
    return this.root.querySelector(`.${name}`);
  }

  describe(board) {
    this.root.classList.remove("broken");
    this.find("problem").hidden = true;
    this.find("about").textContent = board.description;
    this.fields = board.document === null ? board.fields : [];
    this.find("sequence").textContent = "";
    this.born = undefined;
    this.root.querySelector("tbody").replaceChildren();
    this.rows.clear();
    for (const field of this.fields) {
      this.row(field.name, field.label || field.name, field.unit).title = about(field);
    }
    this.grow();
  }

  row(key, label, unit) {
    const row = document.getElementById("field").content.cloneNode(true).firstElementChild;
    row.dataset.field = key;
    row.querySelector("th").textContent = label;
    row.querySelector(".value").textContent = "–";
    const counted = row.querySelector(".unit");
    counted.textContent = unit;
    counted.classList.toggle("short", unit.length <= SHORT_UNIT);
    this.root.querySelector("tbody").append(row);
    this.rows.set(key, row);
    return row;
  }

  show(data) {
    this.born = data.age === null ? null : performance.now() - data.age * 1000;
    this.find("sequence").textContent = data.is_default
      ? "defaults, never published"
      : `sequence ${data.sequence}`;
    const isFields = this.fields.length > 0;
    const values = isFields ? Object.entries(data.record) : leaves(data.record).slice(0, MOST);
    if (!isFields) {
      const keys = new Set(values.map(([key]) => key));
      for (const [key, row] of this.rows) {
        if (!keys.has(key)) {
          row.remove();
          this.rows.delete(key);
        }
      }
    }
    for (const [key, value] of values) {
      const known = this.rows.get(key);
      const cell = (known ?? this.row(key, key, "")).querySelector(".value");
      const shown = text(value);
      if (cell.textContent !== shown) {
        const wasShown = cell.dataset.shown === "";
        cell.textContent = shown;
        cell.classList.toggle("short", shown.length <= SHORT);
        // What is new at first sight has not changed.
        if (wasShown) cell.dataset.fresh = cell.dataset.fresh === "0" ? "1" : "0";
      }
      cell.dataset.shown = "";
    }
    this.grow();
  }

  writer(isAlive) {
    const writer = this.find("writer");
    writer.classList.toggle("alive", isAlive);
    writer.textContent = isAlive ? "writer alive" : "no writer";
  }

  // Its age goes on.
  grow() {
    const age = this.find("age");
    if (this.born === undefined) age.textContent = "nothing published yet";
    else if (this.born === null) age.textContent = "of unknown age";
    else age.textContent = `${duration((performance.now() - this.born) / 1000)} old`;
  }

  complain(reason) {
    const problem = this.find("problem");
    problem.textContent = reason;
    problem.hidden = false;
    this.root.classList.add("broken");
  }
}

function about(field) {
  const limits = [
    field.min === null ? "" : `at least ${field.min}`,
    field.max === null ? "" : `at most ${field.max}`,
  ];
  return [field.name, field.description, ...limits].filter(Boolean).join(", ");
}

// The values of a document, by their paths.
function leaves(value, path = "") {
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    return [[path || "document", value]];
  }
  const below = (key) => (path ? `${path}.${key}` : key);
  return Object.entries(value).flatMap(([key, part]) => leaves(part, below(key)));
}

function text(value) {
  if (value === null) return "–";
  if (Array.isArray(value)) return value.map(text).join("  ");
  return typeof value === "object" ? "{}" : String(value);
}

function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(0)} s`;
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  const [[size, unit], [smaller, rest]] = parts.slice(first, first + 2);
  return `${Math.floor(seconds / size)} ${unit} ${Math.floor((seconds % size) / smaller)} ${rest}`;
}

// Integers that JavaScript cannot store exactly stay digits.
function exactly(key, value, context) {
  const isInteger = typeof value === "number" && Number.isInteger(value);
  const isExact = !isInteger || Number.isSafeInteger(value);
  return isExact || !context?.source ? value : context.source;
}

const cards = new Map();
let events;

function card(name) {
  if (!cards.has(name)) cards.set(name, new Card(name));
  none.hidden = true;
  return cards.get(name);
}

function listen() {
  events = new EventSource("events");
  const on = (name, then) =>
    events.addEventListener(name, (event) => {
      const data = JSON.parse(event.data, exactly);
      then(card(data.board), data);
    });
  events.addEventListener("open", () => {
    setState("Live");
    none.hidden = cards.size > 0;
  });
  events.addEventListener("error", () => setState("Cut off: trying again"));
  on("board", (card, data) => card.describe(data));
  on("writer", (card, data) => card.writer(data.writer_alive));
  on("message", (card, data) => card.show(data));
  on("problem", (card, data) => card.complain(data.problem.detail));
  on("gone", (card) => {
    card.root.remove();
    cards.delete(card.name);
    none.hidden = cards.size > 0;
  });
}

function setState(text) {
  const isLive = text === "Live";
  state.textContent = text;
  state.classList.toggle("live", isLive);
  document.body.classList.toggle("cut", !isLive);
}

// Nobody looks at a page that is hidden.
document.addEventListener("visibilitychange", () => {
  events.close();
  if (document.hidden) setState("Paused");
  else listen();
});
setInterval(() => cards.forEach((card) => card.grow()), 1000);
listen();
