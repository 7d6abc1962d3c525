// Puts newer readings into the page as they are published, and lets their age grow in between.

const body = document.body;
const minutesShown = 10;
const patience = 4000; // ms without a connection before the page says so
const powers = JSON.parse(sessionStorage.getItem("powers") ?? "[]"); // [time in ms, watts]
let age = body.dataset.age === "" ? null : { seconds: Number(body.dataset.age), at: performance.now() };
let events;
let cutOff;

function inWords(seconds) {
  if (seconds < 2) return "just now";
  if (seconds < 120) return `${Math.floor(seconds)} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

function showAge() {
  if (age === null) return;
  const seconds = age.seconds + (performance.now() - age.at) / 1000;
  document.getElementById("age").textContent = inWords(seconds);
}

function addPower(power) {
  powers.push([Date.now(), power]);
  // A form that is sent loads the page anew: the line goes on.
  sessionStorage.setItem("powers", JSON.stringify(powers));
}

function showTrend() {
  const now = Date.now();
  while (powers.length > 0 && now - powers[0][0] > minutesShown * 60_000) powers.shift();
  if (powers.length < 2) return;
  document.getElementById("trend").removeAttribute("hidden");
  const first = powers[0][0];
  const span = Math.max(1, powers.at(-1)[0] - first);
  const highest = Math.max(1, ...powers.map(([, watts]) => watts)) * 1.15;
  const points = powers.map(([time, watts]) =>
    `${((time - first) / span * 300).toFixed(1)} ${(100 - watts / highest * 100).toFixed(1)}`);
  const line = `M${points.join("L")}`;
  document.querySelector("#trend .line").setAttribute("d", line);
  document.querySelector("#trend .area").setAttribute("d", `${line}L300 100L0 100Z`);
}

function showTexts(texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const place of document.querySelectorAll(`[data-name="${name}"]`)) {
      if (place instanceof HTMLMeterElement) place.value = Number(text);
      else if (place.textContent !== text) place.textContent = text;
    }
  }
}

function showState(state, told) {
  body.dataset.state = state;
  const place = document.getElementById("told");
  // It is read aloud whenever it is set.
  if (place.textContent !== told) place.textContent = told;
}

function show(status) {
  showState(status.state, status.told);
  document.querySelector(".start").disabled = status.wanted;
  document.querySelector(".stop").disabled = !status.wanted;
  document.getElementById("changed").hidden = String(status.config) === body.dataset.config;
  if (status.age !== null) age = { seconds: status.age, at: performance.now() };
  showTexts(status.texts);
  showAge();
  if (status.power !== null && String(status.sequence) !== body.dataset.sequence) addPower(status.power);
  showTrend();
  body.dataset.sequence = status.sequence;
}

function listen() {
  events?.close();
  // A page that nobody looks at keeps no worker of the server.
  if (document.hidden) return;
  events = new EventSource("/events");
  events.onmessage = (event) => {
    clearTimeout(cutOff);
    cutOff = undefined;
    show(JSON.parse(event.data));
  };
  events.onerror = () => {
    // A connection ends now and then; what is worth saying is that none comes after it.
    cutOff ??= setTimeout(showState, patience, "cut", "Page is cut off");
    // The browser tries again by itself, unless the server refused.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, patience);
  };
}

document.addEventListener("visibilitychange", listen);
showTrend();
listen();
setInterval(showAge, 1000);
