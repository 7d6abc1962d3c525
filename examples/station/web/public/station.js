// Puts newer readings into the page as they are published, and lets their age grow in between.

const body = document.body;
const minutesShown = 10;
const powers = []; // [time in ms, watts]
let age = body.dataset.age === "" ? null : { seconds: Number(body.dataset.age), at: performance.now() };

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

function showTrend(power) {
  const now = performance.now();
  powers.push([now, power]);
  while (now - powers[0][0] > minutesShown * 60_000) powers.shift();
  if (powers.length < 2) return;
  document.getElementById("trend").removeAttribute("hidden");
  const [first, last] = [powers[0][0], now];
  const highest = Math.max(1, ...powers.map(([, watts]) => watts)) * 1.15;
  const points = powers.map(([time, watts]) =>
    `${((time - first) / (last - first) * 300).toFixed(1)} ${(100 - watts / highest * 100).toFixed(1)}`);
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

function show(status) {
  body.dataset.state = status.state;
  document.getElementById("told").textContent = status.told;
  document.querySelector(".start").disabled = status.wanted;
  document.querySelector(".stop").disabled = !status.wanted;
  document.getElementById("changed").hidden = String(status.config) === body.dataset.config;
  if (status.age !== null) age = { seconds: status.age, at: performance.now() };
  showTexts(status.texts);
  showAge();
  if (status.power !== null && String(status.sequence) !== body.dataset.sequence) showTrend(status.power);
  body.dataset.sequence = status.sequence;
}

const events = new EventSource("/events");
events.onmessage = (event) => show(JSON.parse(event.data));
events.onerror = () => {
  // The browser tries again by itself, unless the server said no.
  if (events.readyState === EventSource.CLOSED) document.getElementById("told").textContent = "Page is cut off";
};
setInterval(showAge, 1000);
