// Sensors over time: chosen from a list, over an hour to a year, moved and zoomed.
import { api, broken, byId, el, fill, live, query, searched, shown, tried, unitShown } from "./core.js";
import { COLOURS, Chart } from "./chart.js";

const HOUR = 3600 * 1000;
const RANGES = [["1h", "1 h", HOUR], ["6h", "6 h", 6 * HOUR], ["24h", "24 h", 24 * HOUR], ["7d", "7 d", 168 * HOUR], ["30d", "30 d", 720 * HOUR], ["365d", "1 year", 8760 * HOUR]];
const MOST = 16;
const LISTED = 300;
const asked = new URLSearchParams(location.search);
let chosen = asked.getAll("sensor").slice(0, MOST);
let range = RANGES.find(([id]) => id === asked.get("range")) ?? (asked.has("from") ? null : RANGES[2]);
let [from, to] = [Number(asked.get("from")), Number(asked.get("to"))];
if (!range && !(from < to)) range = RANGES[2];
let sensors = [];
let all = [];
let asking = 0;
let unfollow = null;

const chart = new Chart(byId("chart"), (start, end) => show(start, end), () => zoom(2));
const ends = () => (range ? [Date.now() - range[2], Date.now()] : [from, to]);

function show(start, end) {
  if (end - start < 1000) return;
  range = null;
  [from, to] = [Math.round(start), Math.round(Math.min(end, Date.now() + HOUR))];
  load();
}
function zoom(factor) {
  const [start, end] = ends();
  const middle = range && factor < 1 ? end : (start + end) / 2;
  const width = Math.min((end - start) * factor, 5 * 8760 * HOUR);
  show(range && factor < 1 ? end - width : middle - width / 2, range && factor < 1 ? end : middle + width / 2);
}
function move(part) {
  const [start, end] = ends();
  show(start + part * (end - start), end + part * (end - start));
}

function remember() {
  const pairs = chosen.map((id) => ["sensor", id]);
  pairs.push(...(range ? [["range", range[0]]] : [["from", from], ["to", to]]));
  history.replaceState(null, "", `/plot?${query(pairs)}`);
}

async function load() {
  remember();
  const [start, end] = ends();
  for (const button of byId("ranges").children) button.setAttribute("aria-pressed", String(button.value === range?.[0]));
  const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 19);
  [byId("from").value, byId("to").value] = [local(start), local(end)];
  const pairs = [...chosen.map((id) => ["sensor", id]), ["from", Math.round(start)], ["to", Math.round(end)]];
  byId("csv").href = `/api/v1/readings.csv?${query(pairs)}`;
  if (byId("parquet")) byId("parquet").href = `/api/v1/readings.parquet?${query(pairs)}`;
  byId("csv").hidden = byId("chart").hidden = byId("stats").hidden = byId("chart-help").hidden = chosen.length === 0;
  byId("none").hidden = chosen.length > 0;
  if (!chosen.length) {
    chart.clear();
    follow();
    return;
  }
  const mine = ++asking;
  const points = Math.max(200, Math.min(4000, Math.round(byId("chart").clientWidth * 1.5)));
  const found = await tried(() => api(`/series?${query([...pairs, ["points", points]])}`));
  if (!found || mine !== asking) return;
  all = found;
  draw();
  follow();
}

function draw() {
  const [start, end] = ends();
  chart.draw(all, start, end);
  const size = (each) => (each.size === 0 ? "readings" : each.size === HOUR ? "hourly means" : each.size === 24 * HOUR ? "daily means" : `means of ${Math.round(each.size / 60000)} min`);
  const rows = all.map((each, index) => {
    const known = each.value.filter((value) => value !== null);
    const lows = each.size ? each.low.filter((value) => value !== null) : known;
    const highs = each.size ? each.high.filter((value) => value !== null) : known;
    const number = (value) => el("td", { class: "num" }, known.length ? `${shown(Number(value.toPrecision(5)))} ${unitShown(each.unit)}` : "–");
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    return el("tr", {}, el("td", {}, el("span", { class: `swatch c${index % COLOURS}` }), " ", broken(each.sensor)), number(known.at(-1)), number(least(lows)), number(mean), number(most(highs)), el("td", { class: "num" }, String(known.length)), el("td", { class: "quiet" }, known.length ? size(each) : "nothing was read then"));
  });
  fill(byId("stats").tBodies[0], ...rows);
  byId("chart").setAttribute("aria-label", `Chart of ${all.map((each) => each.sensor).join(", ")}; the table below says their minimum, mean and maximum`);
}

// While the plot ends now, new readings are added, at most once a second.
let fresh = false;
function follow() {
  unfollow?.();
  unfollow = null;
  byId("link").hidden = true;
  if (!range || !chosen.length) return;
  unfollow = live(chosen.map((id) => ["sensor", id]), (message) => {
    for (const [id, readings] of Object.entries(message.readings ?? {})) {
      const each = all.find((one) => one.sensor === id);
      if (!each || each.size) continue;
      for (const [time, value, , isFresh] of readings) {
        if (!isFresh || typeof value === "string" || value === null || time <= (each.time.at(-1) ?? 0)) continue;
        each.time.push(time);
        each.value.push(Number(value));
        fresh = true;
      }
    }
  });
}
setInterval(() => {
  if (!fresh || !range || document.hidden || chart.plot?.select.width > 0 || chart.plot?.cursor.left > 0) return;
  fresh = false;
  draw();
}, 1000);

// --- what is chosen

function list() {
  const matches = searched(byId("search"));
  const found = sensors.filter((each) => matches(each.id));
  found.sort((a, b) => chosen.includes(b.id) - chosen.includes(a.id) || a.id.localeCompare(b.id, undefined, { numeric: true }));
  const item = (each) => el("li", {}, el("label", {}, el("input", { type: "checkbox", checked: chosen.includes(each.id), onchange: (event) => choose(each.id, event.target) }), el("span", {}, broken(each.id), el("span", { class: "quiet" }, each.unit ? ` ${unitShown(each.unit)}` : ""))));
  fill(byId("picker"), ...found.slice(0, LISTED).map(item));
  byId("more").hidden = found.length <= LISTED && sensors.length > 0;
  byId("more").textContent = sensors.length === 0 ? "No sensor has been heard yet." : `${found.length - LISTED} more; search for them.`;
}

function choose(id, box) {
  if (box.checked && chosen.length >= MOST) {
    box.checked = false;
    return;
  }
  chosen = box.checked ? [...chosen, id] : chosen.filter((each) => each !== id);
  load();
}

fill(byId("ranges"), ...RANGES.map((each) => el("button", { value: each[0], "aria-pressed": "false", onclick: () => { range = each; load(); } }, each[1])));
byId("search").addEventListener("input", list);
byId("back").addEventListener("click", () => move(-0.5));
byId("on").addEventListener("click", () => move(0.5));
byId("in").addEventListener("click", () => zoom(0.5));
byId("out").addEventListener("click", () => zoom(2));
for (const id of ["from", "to"]) byId(id).addEventListener("change", () => show(new Date(byId("from").value).getTime(), new Date(byId("to").value).getTime()));
byId("chart").addEventListener("keydown", (event) => {
  const act = { ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
sensors = ((await tried(() => api("/sensors"))) ?? []).filter((each) => each.kind !== "text");
chosen = chosen.filter((id) => sensors.some((each) => each.id === id));
list();
await load();
