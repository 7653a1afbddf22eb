// One node: its sensors live, outputs to switch, commands, diagnostics and log.
import { ago, api, badge, broken, byId, el, fill, lasting, live, may, moment, nodePath, plotPath, query, shown, timeCell, toast, tone, typed, unitShown } from "./core.js";
import { spark } from "./spark.js";

const name = byId("top").dataset.node;
const path = nodePath(name);
const cards = new Map();
const SPARK_MS = 6 * 3600 * 1000;
const KEPT = 400;
let node = null;

function about() {
  const state = byId("state");
  state.textContent = node.state || "not known";
  state.dataset.tone = tone(node.state);
  const parts = [node.board, node.version && `Petrel ${node.version}`, node.signal !== null && `${node.signal} dBm`, node.uptime !== null && `up ${lasting(node.uptime)}`, `heard ${ago(node.seen)}`];
  if (node.waiting) parts.push(`${node.waiting} readings waiting`);
  if (node.lost) parts.push(`${node.lost} lost`);
  byId("about").textContent = parts.filter(Boolean).join(" · ");
  const said = node.diagnostics ?? {};
  const faults = [said.mode === "safe" && "It is in safe mode: it crashed several times in a row.", said.error, ...[said.faults ?? []].flat(), said.failing?.length && `Sensors that fail: ${[said.failing].flat().join(", ")}`];
  fill(byId("faults"), ...faults.filter(Boolean).map((text) => el("p", { class: "notice" }, typeof text === "string" ? text : JSON.stringify(text))));
}

function diagnostics() {
  byId("diagnostics-at").textContent = node.diagnostics_at ? ago(node.diagnostics_at) : "";
  const entries = Object.entries(node.diagnostics ?? {});
  const say = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));
  const place = byId("diagnostics");
  if (entries.length) fill(place, ...entries.flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, say(value))]));
  else fill(place, el("dd", { class: "quiet" }, "None has arrived yet."));
}

function card(sensor) {
  const value = el("div", { class: "value" });
  const when = el("span", { class: "quiet small" });
  const canvas = el("canvas", { "aria-hidden": "true", hidden: sensor.kind !== "number" });
  const box = el("article", { class: "sensor", "aria-label": sensor.name });
  const title = el("div", { class: "name" }, sensor.kind === "text" ? broken(sensor.name) : el("a", { href: plotPath(sensor.id) }, broken(sensor.name)));
  box.append(title, value, when, canvas);
  const made = { box, value, when, canvas, sensor, times: [], values: [], toggle: null };
  if (sensor.kind === "number" && sensor.output && may("operator")) box.append(setter(sensor.name));
  if (sensor.kind === "switch" && sensor.output && may("operator")) {
    made.toggle = el("button", { class: "switch", type: "button", role: "switch", "aria-label": `Switch ${sensor.name}`, onclick: () => flip(made) });
  }
  cards.set(sensor.name, made);
  byId("sensors").append(box);
  return made;
}

function write(made) {
  const { sensor } = made;
  const value = sensor.value ?? sensor.text;
  const text = shown(value, sensor.kind);
  fill(made.value, ...(made.toggle ? [made.toggle, " "] : []), text, ...(sensor.unit ? [el("small", {}, unitShown(sensor.unit))] : []));
  if (made.toggle) made.toggle.setAttribute("aria-checked", String(Boolean(sensor.value)));
  made.when.textContent = sensor.time ? ago(sensor.time) : "no reading";
  made.when.title = moment(sensor.time);
  if (sensor.kind === "number") spark(made.canvas, made.times, made.values);
}

// For an output that takes a number: a dimmer, a servo.
function setter(output) {
  const field = el("input", { type: "number", step: "any", required: true, "aria-label": `Value for ${output}` });
  const form = el("form", { class: "row setter" }, field, el("button", { class: "tight" }, "Set"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send("set", { output, value: Number(field.value) });
  });
  return form;
}

async function flip(made) {
  const value = !made.sensor.value;
  made.toggle.disabled = true;
  await send("set", { output: made.sensor.name, value });
  made.toggle.disabled = false;
}

async function send(command, payload) {
  const item = el("li", {}, el("strong", {}, command), " ", el("span", { class: "quiet" }, typeof payload === "string" ? payload : JSON.stringify(payload)), " … ");
  byId("replies").prepend(item);
  while (byId("replies").children.length > 10) byId("replies").lastChild.remove();
  try {
    const { ok, reply } = await api(`${path}/commands/${encodeURIComponent(command)}`, "POST", { payload });
    item.append(badge(ok === false ? "refused" : "done", ok === false ? "bad" : "good"), el("div", { class: "mono" }, typeof reply === "string" ? reply : JSON.stringify(reply)));
    return ok;
  } catch (error) {
    item.append(badge("failed", "bad"), el("div", {}, error.message));
    toast(error.message, "bad");
    return false;
  }
}

// --- the form of commands

const FIELDS = { read: ["sensor"], set: ["output", "value"], interval: ["sensor", "seconds"], "": ["other", "payload"] };

function showFields() {
  const wanted = FIELDS[byId("name").value] ?? [];
  for (const field of byId("command").querySelectorAll("[data-for]")) field.hidden = !wanted.includes(field.dataset.for);
}

function payloadOf(command) {
  const sensor = byId("which").value;
  if (command === "read") return sensor;
  if (command === "set") return { output: byId("output").value, value: typed(byId("value").value) };
  if (command === "interval") return { sensor: sensor || byId("which").options[1]?.value, seconds: Number(byId("seconds").value) };
  return byId("name").value === "" ? byId("payload").value : "";
}

byId("name").addEventListener("change", showFields);
byId("command").addEventListener("submit", async (event) => {
  event.preventDefault();
  const command = byId("name").value || byId("other").value.trim();
  if (!command) return;
  if (command === "reboot" && !confirm(`Restart ${name}?`)) return;
  await send(command, payloadOf(command));
});

function choices() {
  const names = [...new Set([...cards.keys()].map((each) => each.split("/")[0]))];
  fill(byId("which"), el("option", { value: "" }, "all"), ...names.map((each) => el("option", { value: each }, each)));
  fill(byId("outputs"), ...[...cards.values()].map(({ sensor }) => el("option", { value: sensor.name })));
  showFields();
}

// --- loading and following

async function log() {
  const entries = await api(`${path}/log?most=100`).catch(() => []);
  fill(byId("log"), ...entries.map((entry) => el("tr", {}, timeCell(entry.at), el("td", {}, badge(entry.level, { warning: "warn", error: "bad" }[entry.level] ?? "")), el("td", { class: "text" }, entry.text))));
  byId("no-log").hidden = entries.length > 0;
}

async function history() {
  const ids = [...cards.values()].filter(({ sensor }) => sensor.kind !== "text").map(({ sensor }) => sensor.id);
  for (let at = 0; at < ids.length; at += 16) {
    const pairs = ids.slice(at, at + 16).map((id) => ["sensor", id]);
    const found = await api(`/series?${query([...pairs, ["from", "-6h"], ["points", "300"]])}`).catch(() => []);
    for (const series of found) {
      const made = cards.get(series.sensor.slice(name.length + 1));
      [made.times, made.values] = [series.time, series.value];
      write(made);
    }
  }
}

async function load() {
  const found = await api(path).catch((error) => {
    toast(error.message, "bad");
    if (!node) fill(byId("faults"), el("p", { class: "notice", "data-tone": "bad", role: "alert" }, error.message, " ", el("a", { href: "/" }, "All nodes")));
    return null;
  });
  if (!found) return;
  node = found;
  const known = cards.size;
  about();
  diagnostics();
  for (const sensor of node.readings) {
    let made = cards.get(sensor.name);
    if (made && made.sensor.output !== sensor.output) {
      made.box.remove();
      made = null;
    }
    made ??= card(sensor);
    made.sensor = sensor;
    write(made);
  }
  byId("no-sensors").hidden = cards.size > 0;
  byId("plot-all").href = plotPath(...node.readings.filter((each) => each.kind !== "text").slice(0, 8).map((each) => each.id));
  if (cards.size !== known) {
    choices();
    await history();
  }
  await log();
}

function reading(made, [time, value, unit, fresh]) {
  if (!fresh) return;
  const number = typeof value === "boolean" ? Number(value) : typeof value === "number" ? value : null;
  Object.assign(made.sensor, { time, unit: unit || made.sensor.unit, value: number, text: number === null ? value : null });
  if (number !== null) {
    made.times.push(time);
    made.values.push(number);
    while (made.times.length > KEPT || made.times[0] < Date.now() - SPARK_MS) {
      made.times.shift();
      made.values.shift();
      if (!made.times.length) break;
    }
  }
}

let due = null;
function later() {
  due ??= setTimeout(() => {
    due = null;
    load();
  }, 700);
}

live([["node", name]], (message) => {
  for (const [id, readings] of Object.entries(message.readings ?? {})) {
    const made = cards.get(id.slice(name.length + 1));
    if (!made) {
      later();
      continue;
    }
    for (const each of readings) reading(made, each);
    if (node) node.seen = Date.now();
    write(made);
  }
  if (message.events?.length || message.nodes || message.alarms) later();
}, load);
byId("commands").hidden = !may("operator");
if (!may("operator")) byId("commands").parentElement.classList.remove("two");
showFields();
await load();
setInterval(() => {
  if (!node || document.hidden) return;
  about();
  for (const made of cards.values()) made.when.textContent = made.sensor.time ? ago(made.sensor.time) : "no reading";
}, 5000);
