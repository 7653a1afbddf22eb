// Releases on their way to nodes: how far each is, its nodes, who did what, and a way to stop it.
import { ago, api, badge, byId, el, fill, may, moment, nodePath, pressed, searched, timeCell, toast, tried } from "./core.js";

const TONES = { running: "good", stopping: "warn", interrupted: "warn", stopped: "bad", done: "good" };
const PHASES = { offered: "", watched: "", healthy: "good", failed: "bad", returning: "warn", back: "bad", stuck: "bad" };
const GROUPS = { trouble: ["failed", "returning", "back", "stuck"], work: ["offered", "watched"], waiting: [""], done: ["healthy"] };
const LIVES = ["running", "stopping", "interrupted"];
const SHOWN = 200;
let chosen = Number(new URLSearchParams(location.search).get("rollout")) || null;
let shows = "trouble";
let detail = null;

const count = (rollout, group) => GROUPS[group].reduce((sum, phase) => sum + (rollout.counts[phase || "waiting"] ?? 0), 0);

async function stop(rollout) {
  if (!confirm(`Stop the rollout of ${rollout.serial}? Nodes that have the release are taken back to the one before.`)) return;
  if (!(await tried(() => api(`/rollouts/${rollout.id}/stop`, "POST")))) return;
  toast(rollout.state === "interrupted" ? "It is stopped when petrel fleet rollout goes on." : "It is being stopped.");
  load();
}

function row(rollout) {
  const buttons = el("td", { class: "num nowrap" });
  if (may("operator") && LIVES.includes(rollout.state) && !rollout.stop) buttons.append(el("button", { class: "tight danger", onclick: () => stop(rollout) }, "Stop"));
  const open = el("a", { href: `/rollouts?rollout=${rollout.id}`, "aria-current": rollout.id === chosen ? "true" : null }, `${rollout.serial}`);
  const cells = [["done", "Done"], ["work", "At work"], ["trouble", "Failed"], ["waiting", "To go"]].map(([group, label]) => el("td", { class: "num", "data-label": label }, String(count(rollout, group))));
  cells.push(el("td", { class: "num", "data-label": "Silent" }, String(rollout.silent)));
  return el("tr", {}, el("td", { class: "text" }, open, el("div", { class: "quiet small" }, rollout.version)), el("td", { "data-label": "State" }, badge(rollout.state, TONES[rollout.state])), el("td", { class: "nowrap", "data-label": "Stage" }, rollout.stages.length ? `${rollout.stage} of ${rollout.stages.length}` : ""), ...cells, el("td", { class: "text small", "data-label": "By" }, rollout.runner, el("div", { class: "quiet" }, moment(rollout.began))), buttons);
}

function showNodes() {
  const matches = searched(byId("search"));
  const found = detail.nodes.filter((node) => (shows === "all" || (shows === "silent" ? node.silent : GROUPS[shows].includes(node.phase))) && matches(`${node.name} ${node.words}`));
  fill(byId("nodes"), ...found.slice(0, SHOWN).map((node) => el("tr", {}, el("td", { class: "text" }, el("a", { href: nodePath(node.name) }, node.name)), el("td", { "data-label": "State" }, badge(node.phase || "not yet", PHASES[node.phase] ?? ""), ...(node.silent ? [" ", badge("silent", "warn")] : [])), el("td", { "data-label": "Runs" }, node.serial ? String(node.serial) : "–"), el("td", { class: "text", "data-label": "What" }, node.words))));
  byId("nodes").closest(".scroll").hidden = found.length === 0;
  byId("no-nodes").hidden = found.length > 0 && found.length <= SHOWN;
  byId("no-nodes").textContent = found.length ? `and ${found.length - SHOWN} more` : "There are none.";
}

function showDetail() {
  byId("nodes-title").textContent = `Release ${detail.serial}`;
  byId("stopped").hidden = !detail.stopped;
  byId("stopped").textContent = detail.stopped;
  const said = [];
  if (detail.state === "interrupted") said.push(`Nobody runs it: ${detail.runner} was seen ${ago(detail.seen)}. The same command goes on.`);
  if (detail.stop && !detail.stopped) said.push(`${detail.stop} wants it to stop.`);
  if (detail.window) said.push(`Nodes are offered it from ${detail.window.replace("-", " to ")}.`);
  byId("said").hidden = said.length === 0;
  byId("said").textContent = said.join(" ");
  showNodes();
  fill(byId("events"), ...detail.events.map((event) => el("tr", {}, timeCell(event.at), el("td", { class: "text", "data-label": "By" }, event.by), el("td", { class: "text", "data-label": "Node" }, event.node ? el("a", { href: nodePath(event.node) }, event.node) : ""), el("td", { class: "text", "data-label": "What" }, event.text))));
}

// The releases that the collector gives to nodes; each stands for all its boards.
async function loadReleases() {
  const served = (await tried(() => api("/releases"))) ?? [];
  const serials = [...new Set(served.map((one) => one.serial))];
  fill(byId("releases"), ...serials.map((serial) => {
    const own = served.filter((one) => one.serial === serial);
    const link = el("a", { href: `/api/v1/releases/${serial}.zip`, download: "" }, "Download");
    const bytes = Math.max(...own.map((one) => one.size)).toLocaleString("en");
    return el("tr", {}, el("td", { class: "text" }, String(serial)), el("td", { class: "text", "data-label": "Version" }, own[0].version), el("td", { class: "text", "data-label": "Boards" }, own.map((one) => one.board).join(", ")), el("td", { class: "num", "data-label": "Bytes" }, bytes), el("td", { "data-label": "Key" }, own[0].key), el("td", { class: "num" }, link));
  }));
  byId("releases-card").hidden = serials.length === 0;
}

async function load() {
  const rollouts = await tried(() => api("/rollouts"));
  if (!rollouts) return;
  if (!rollouts.some((rollout) => rollout.id === chosen)) chosen = rollouts[0]?.id ?? null;
  fill(byId("rollouts"), ...rollouts.map(row));
  byId("rollouts-card").hidden = rollouts.length === 0;
  byId("none").hidden = rollouts.length > 0;
  byId("detail").hidden = chosen === null;
  if (chosen === null) return;
  detail = (await tried(() => api(`/rollouts/${chosen}`))) ?? detail;
  if (detail) showDetail();
}

byId("search").addEventListener("input", showNodes);
pressed(byId("filter"), (value) => {
  shows = value;
  showNodes();
});
await load();
await loadReleases();
setInterval(() => !document.hidden && load(), 5000);
