// What happened to all nodes, and the messages that could not be read.
import { api, badge, byId, el, fill, nodePath, pressed, searched, timeCell, tried } from "./core.js";

const TONES = { warning: "warn", error: "bad" };
let entries = [];
let level = "all";

function show() {
  const matches = searched(byId("search"));
  const found = entries.filter((entry) => (level === "all" || entry.level === level) && matches(`${entry.node ?? ""} ${entry.text}`));
  fill(byId("log"), ...found.map((entry) => el("tr", {}, timeCell(entry.at), el("td", {}, badge(entry.level, TONES[entry.level] ?? "")), el("td", { class: "text", "data-label": "Node" }, entry.node ? el("a", { href: nodePath(entry.node) }, entry.node) : ""), el("td", { class: "text", "data-label": "What" }, entry.text))));
  byId("log").closest(".scroll").hidden = found.length === 0;
  byId("no-log").hidden = found.length > 0;
}

async function load() {
  const found = await tried(() => Promise.all([api("/log?most=500"), api("/unreadable")]));
  if (!found) return;
  [entries] = found;
  show();
  const unreadable = found[1];
  fill(byId("unreadable"), ...unreadable.map((each) => el("tr", {}, timeCell(each.at), el("td", { class: "text mono", "data-label": "Topic" }, each.topic.slice(0, 300)), el("td", { class: "text", "data-label": "Why" }, each.reason), el("td", { class: "text mono", "data-label": "Payload" }, each.payload.slice(0, 300) + (each.size > 300 ? ` … (${each.size.toLocaleString()} bytes)` : "")))));
  byId("unreadable").closest(".scroll").hidden = unreadable.length === 0;
  byId("no-unreadable").hidden = unreadable.length > 0;
}

byId("search").addEventListener("input", show);
pressed(byId("filter"), (value) => {
  level = value;
  show();
});
await load();
setInterval(() => !document.hidden && load(), 10000);
