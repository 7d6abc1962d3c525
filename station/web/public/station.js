// Replaces parts of the page when the server sends newer ones, and updates ages in between.

const body = document.body;
const disconnectTimeout = 4000; // ms without a connection before the page shows that
const pollInterval = 3000; // ms between two polls if the server has no room for more events
const logInterval = 1500; // ms between two polls of the log
const ages = JSON.parse(body.dataset.ages);
let events;
let disconnection;
let polling;

function inWords(seconds) {
  const [, unit, text] = ages.find(([from]) => seconds >= from);
  return text.replace("%d", Math.floor(seconds / unit));
}

function anchorAges(element) {
  for (const age of element.querySelectorAll("[data-age]")) {
    age.since = performance.now() - Number(age.dataset.age) * 1000;
  }
}

function showAges() {
  for (const age of document.querySelectorAll("[data-age]")) {
    const text = inWords((performance.now() - age.since) / 1000);
    if (age.textContent !== text) age.textContent = text;
  }
}

function show(parts) {
  clearTimeout(disconnection);
  disconnection = undefined;
  for (const [id, html] of Object.entries(parts)) {
    const element = document.getElementById(id);
    // There is a new inverter, for which this page has no element.
    if (element === null) return location.reload();
    // An open confirmation is not replaced while the user reads it.
    if (element.contains(document.activeElement) && document.activeElement !== document.body) {
      if (element.querySelector("details[open]")) continue;
      const name = document.activeElement.getAttribute("value");
      element.innerHTML = html;
      element.querySelector(`button[value="${name}"]:enabled`)?.focus();
    } else {
      element.innerHTML = html;
    }
    anchorAges(element);
  }
  body.dataset.state = document.querySelector("#state .dot").dataset.state;
  showAges();
}

function showCut() {
  body.dataset.state = "cut";
  document.querySelector("#state .dot").dataset.state = "cut";
  document.getElementById("state-text").textContent = body.dataset.cut;
}

async function poll() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`/status?page=${body.dataset.page}`);
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
  } catch {
    showCut();
  }
}

function listen() {
  events?.close();
  clearInterval(polling);
  // A hidden page occupies no worker of the server.
  if (document.hidden) return;
  events = new EventSource(`/events?page=${body.dataset.page}`);
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.onerror = () => {
    // Connections end regularly; the page shows only that a new one fails.
    disconnection ??= setTimeout(showCut, disconnectTimeout);
    if (events.readyState !== EventSource.CLOSED) return;
    // Refused, as too many pages listen: this page polls, and listens again later.
    poll();
    polling = setInterval(poll, pollInterval);
    setTimeout(listen, 10 * pollInterval);
  };
}

function followLog(lines) {
  const follow = document.getElementById("follow");
  follow.parentElement.hidden = false;
  lines.scrollTop = lines.scrollHeight;
  setInterval(async () => {
    if (!follow.checked || document.hidden) return;
    const { position, level } = lines.dataset;
    const query = new URLSearchParams({ after: position, level });
    const answer = await fetch(`/log/lines?${query}`).catch(() => null);
    if (answer?.status === 401) return location.reload();
    if (!answer?.ok) return;
    const added = await answer.json();
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
    if (added.isNew) lines.replaceChildren();
    for (const { level, text } of added.lines) {
      const line = document.createElement("li");
      line.className = level.toLowerCase();
      line.textContent = text;
      lines.append(line);
    }
    lines.dataset.position = added.position;
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }, logInterval);
}

function offerPosition(button) {
  if (!("geolocation" in navigator)) return;
  button.hidden = false;
  button.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
    const mark = document.documentElement.lang === "de" ? "," : ".";
    for (const name of ["latitude", "longitude"]) {
      document.getElementById(name).value = coords[name].toFixed(3).replace(".", mark);
    }
  }));
}

anchorAges(document);
setInterval(showAges, 1000);
if (body.dataset.live) {
  document.addEventListener("visibilitychange", listen);
  listen();
}
const lines = document.getElementById("lines");
if (lines) followLog(lines);
const here = document.getElementById("here");
if (here) offerPosition(here);
// Before the first configuration, the browser's time zone is the best guess.
const zone = document.querySelector("form[data-first] #timezone");
if (zone?.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
