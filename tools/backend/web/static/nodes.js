// All nodes: their state, live, to be searched and sorted.
import { ago, api, badge, byId, el, fill, live, nodePath, pressed, searched, tone, tried } from "./core.js";

const COLUMNS = [
  ["name", "Node"], ["state", "State"], ["seen", "Last heard"], ["version", "Version"], ["board", "Board"],
  ["signal", "Signal", true], ["sensors", "Sensors", true], ["waiting", "Waiting", true], ["lost", "Lost", true],
];
const nodes = new Map();
const rows = new Map();
let sorted = ["name", 1];
let filter = "all";
let stale = false;
let loaded = [0, 0]; // when, and how long it took: many nodes are asked for less often

const inTrouble = (node) => node.alarms > 0 || node.state === "offline" || node.lost > 0 || node.refused > 0 || node.mode === "safe";
const matches = (node) => filter === "all" || (filter === "trouble" ? inTrouble(node) : node.state === filter);

function row(node) {
  const cells = COLUMNS.map(([key, label, number]) => el("td", { class: number ? "num" : null, "data-label": label, "data-key": key }));
  const made = el("tr", {}, ...cells);
  made.cells_ = Object.fromEntries(cells.map((cell) => [cell.dataset.key, cell]));
  made.cells_.name.append(el("a", { href: nodePath(node.name) }, node.name));
  rows.set(node.name, made);
  return made;
}

// Only what has changed: after each change the browser lays out the whole table.
function say(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}

function write(node) {
  const { cells_ } = rows.get(node.name) ?? row(node);
  const marks = [badge(node.state || "not known", tone(node.state))];
  if (node.mode === "safe") marks.push(" ", badge("safe mode", "warn"));
  if (node.alarms) marks.push(" ", badge(node.alarms === 1 ? "1 alarm" : `${node.alarms} alarms`, "bad"));
  fill(cells_.state, ...marks);
  say(cells_.seen, ago(node.seen));
  say(cells_.version, node.version ?? "");
  say(cells_.board, node.board ?? "");
  say(cells_.signal, node.signal === null ? "" : `${node.signal} dBm`);
  cells_.signal.className = node.signal !== null && node.signal < -80 ? "num warn" : "num";
  for (const key of ["sensors", "waiting", "lost"]) say(cells_[key], String(node[key] ?? ""));
  cells_.waiting.className = node.waiting > 0 ? "num warn" : "num";
  cells_.lost.className = node.lost > 0 ? "num bad" : "num";
}

function arrange() {
  const named = searched(byId("search"));
  const [key, way] = sorted;
  const chosen = [...nodes.values()].filter((node) => matches(node) && named(`${node.name} ${node.state} ${node.board ?? ""} ${node.version ?? ""}`));
  const names = new Intl.Collator(undefined, { numeric: true });
  chosen.sort((a, b) => {
    const [one, two] = [a[key] ?? "", b[key] ?? ""];
    const order = typeof one === "number" && typeof two === "number" ? one - two : names.compare(one, two);
    return way * order || names.compare(a.name, b.name);
  });
  const wantedRows = chosen.map((node) => rows.get(node.name));
  const present = byId("rows").children;
  // Only if something has moved: a row that is put in again loses the keyboard's focus.
  if (present.length !== wantedRows.length || wantedRows.some((each, index) => each !== present[index])) byId("rows").replaceChildren(...wantedRows);
  byId("shown").textContent = chosen.length === nodes.size ? `${nodes.size} nodes` : `${chosen.length} of ${nodes.size} nodes`;
}

function count() {
  const all = [...nodes.values()];
  const sum = (key) => all.reduce((total, node) => total + (node[key] ?? 0), 0);
  const offline = all.filter((node) => node.state === "offline").length;
  const tile = (name, value, kind) => el("div", { class: "tile", "data-tone": value ? kind : "" }, el("dt", {}, name), el("dd", {}, value.toLocaleString()));
  fill(
    byId("tiles"),
    tile("Nodes", all.length), tile("Online", all.filter((node) => node.state === "online").length, "good"), tile("Offline", offline, "bad"),
    tile("Alarms", sum("alarms"), "bad"), tile("Readings waiting", sum("waiting"), "warn"), tile("Lost", sum("lost"), "bad"),
  );
}

async function load() {
  stale = false;
  const began = Date.now();
  const found = await tried(() => api("/nodes"));
  if (!found) return;
  for (const node of found) {
    const before = nodes.get(node.name);
    nodes.set(node.name, node);
    if (!before || JSON.stringify({ ...before, seen: 0 }) !== JSON.stringify({ ...node, seen: 0 })) write(node);
  }
  byId("nodes").hidden = byId("tiles").hidden = found.length === 0;
  byId("none").hidden = found.length > 0;
  count();
  arrange();
  loaded = [Date.now(), Date.now() - began];
}

function heard(message) {
  if (message.alarms) stale = true;
  for (const [name, about] of Object.entries(message.nodes ?? {})) {
    const node = nodes.get(name);
    if (!node || about.diagnostics) stale = true;
    if (!node) continue;
    const before = node.state;
    node.seen = about.seen ?? node.seen;
    node.state = about.state ?? node.state;
    if (node.state !== before) {
      write(node);
      count();
    } else say(rows.get(name).cells_.seen, ago(node.seen));
  }
  if (nodes.size === 0 && stale) load();
}

fill(byId("columns"), ...COLUMNS.map(([key, label, number]) => el("th", { class: number ? "num" : null, scope: "col", "aria-sort": key === "name" ? "ascending" : "none" }, el("button", { onclick: (event) => sort(key, event) }, label))));
function sort(key, event) {
  sorted = [key, sorted[0] === key ? -sorted[1] : 1];
  for (const each of byId("columns").children) each.setAttribute("aria-sort", "none");
  event.target.closest("th").setAttribute("aria-sort", sorted[1] > 0 ? "ascending" : "descending");
  arrange();
}
byId("search").addEventListener("input", arrange);
pressed(byId("filter"), (value) => {
  filter = value;
  arrange();
});
setInterval(() => !document.hidden && [...nodes.values()].forEach((node) => say(rows.get(node.name).cells_.seen, ago(node.seen))), 5000);
setInterval(() => stale && !document.hidden && Date.now() - loaded[0] > 20 * loaded[1] && load(), 3000);
await load();
live([], heard, load);
