// Puts newer parts into the page as they come, and lets ages grow in between.

const body = document.body;
const patience = 4000; // ms without a connection before the page says so
const pollTime = 3000; // ms between two looks where the server has no more room for events
const logTime = 1500; // ms between two looks at the log
const ages = JSON.parse(body.dataset.ages);
let events;
let cutOff;
let polling;

function inWords(seconds) {
  const [, unit, text] = ages.find(([from]) => seconds >= from);
  return text.replace("%d", Math.floor(seconds / unit));
}

function anchorAges(place) {
  for (const age of place.querySelectorAll("[data-age]")) {
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
  clearTimeout(cutOff);
  cutOff = undefined;
  for (const [id, html] of Object.entries(parts)) {
    const place = document.getElementById(id);
    // There is an inverter that this page has no place for.
    if (place === null) return location.reload();
    // A part that is asking for something is not replaced under the hands of who answers.
    if (place.contains(document.activeElement) && document.activeElement !== document.body) {
      if (place.querySelector("details[open]")) continue;
      const name = document.activeElement.getAttribute("value");
      place.innerHTML = html;
      place.querySelector(`button[value="${name}"]:enabled`)?.focus();
    } else {
      place.innerHTML = html;
    }
    anchorAges(place);
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
  // A page that nobody looks at keeps no worker of the server.
  if (document.hidden) return;
  events = new EventSource(`/events?page=${body.dataset.page}`);
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.onerror = () => {
    // A connection ends now and then; what is worth saying is that none comes after it.
    cutOff ??= setTimeout(showCut, patience);
    if (events.readyState !== EventSource.CLOSED) return;
    // Refused: as many pages listen as may. This one asks now and then, and tries again to listen.
    poll();
    polling = setInterval(poll, pollTime);
    setTimeout(listen, 10 * pollTime);
  };
}

function followLog(lines) {
  const follow = document.getElementById("follow");
  follow.parentElement.hidden = false;
  lines.scrollTop = lines.scrollHeight;
  setInterval(async () => {
    if (!follow.checked || document.hidden) return;
    const query = new URLSearchParams({ after: lines.dataset.place, level: lines.dataset.level });
    const answer = await fetch(`/log/lines?${query}`).catch(() => null);
    if (answer?.status === 401) return location.reload();
    if (!answer?.ok) return;
    const news = await answer.json();
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
    if (news.isNew) lines.replaceChildren();
    for (const { level, text } of news.lines) {
      const line = document.createElement("li");
      line.className = level.toLowerCase();
      line.textContent = text;
      lines.append(line);
    }
    lines.dataset.place = news.place;
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }, logTime);
}

function offerPlace(button) {
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
if (here) offerPlace(here);
// Where nothing is configured yet, the browser knows best which time it is.
const zone = document.querySelector("form[data-first] #timezone");
if (zone?.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
