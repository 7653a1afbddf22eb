// Alarms that stand, rules, history and notifications.
import { api, badge, broken, byId, el, fill, live, may, moment, nodePath, plotPath, timeCell, toast, tried, typed } from "./core.js";

const KINDS = ["above", "below", "equals", "rises", "falls", "silent", "reports"];
const REPORTS = ["offline", "error", "faults", "failing", "refused", "drops", "crashes", "lost", "flash", "set_aside", "not_subscribed", "clock"];
const TONES = { raised: "bad", returned: "good", acknowledged: "warn" };
const MUTES = [[3600, "1 hour"], [8 * 3600, "8 hours"], [86400, "1 day"], [7 * 86400, "1 week"]];
let targets = [];
let editing = null;

const where = (subject) => (subject.includes("/") ? plotPath(subject) : nodePath(subject));
const act = async (path, method, body) => (await tried(() => api(path, method, body))) && load();

function muter(rule, subject) {
  const choice = el("select", { class: "tight", "aria-label": `Mute ${rule} ${subject}` }, el("option", { value: "" }, "Mute …"), ...MUTES.map(([seconds, text]) => el("option", { value: seconds }, `for ${text}`)));
  choice.addEventListener("change", () => choice.value && act("/alarms/mute", "POST", { rule, subject, seconds: Number(choice.value) }));
  return choice;
}

function standing(alarm) {
  const buttons = el("td", { class: "num nowrap" });
  if (may("operator")) {
    if (!alarm.acknowledged) buttons.append(el("button", { class: "tight", onclick: () => act("/alarms/acknowledge", "POST", { rule: alarm.rule, subject: alarm.subject }) }, "Acknowledge"), " ");
    buttons.append(muter(alarm.rule, alarm.subject));
  }
  const state = alarm.acknowledged ? badge(`acknowledged by ${alarm.acknowledged}`, "warn") : badge("alarm", "bad");
  return el("tr", {}, el("td", { class: "text" }, el("strong", {}, alarm.rule), el("div", {}, el("a", { href: where(alarm.subject) }, broken(alarm.subject)))), el("td", { class: "text", "data-label": "What" }, alarm.text, el("div", { class: "quiet small" }, `since ${moment(alarm.since)}`)), el("td", { "data-label": "State" }, state), buttons);
}

function ruleRow(rule) {
  const marks = [];
  if (rule.muted) marks.push(" ", badge(`muted until ${moment(rule.muted)}`, "warn"));
  if (!rule.enabled) marks.push(" ", badge("off", ""));
  const buttons = el("td", { class: "num nowrap" });
  if (may("operator")) {
    if (rule.muted) buttons.append(el("button", { class: "tight", onclick: () => act("/alarms/mute", "POST", { rule: rule.name, seconds: 0 }) }, "Unmute"), " ");
    else buttons.append(muter(rule.name, ""), " ");
  }
  if (may("admin") && rule.origin === "page") {
    const path = `/alarms/rules/${encodeURIComponent(rule.name)}`;
    buttons.append(
      el("button", { class: "tight", onclick: () => edit(rule.source) }, "Edit"), " ",
      el("button", { class: "tight", onclick: () => act(path, "PATCH", { enabled: !rule.enabled }) }, rule.enabled ? "Off" : "On"), " ",
      el("button", { class: "tight danger", onclick: () => confirm(`Delete the rule ${rule.name}?`) && act(path, "DELETE") }, "Delete"),
    );
  }
  const told = rule.notify === null ? (targets.length ? "everybody" : "nobody") : rule.notify.join(", ") || "nobody";
  return el("tr", {}, el("td", { class: "text" }, el("strong", {}, rule.name), ...marks, rule.source.schedule ? el("div", { class: "quiet small" }, [rule.source.schedule].flat().join("; ")) : null), el("td", { class: "text", "data-label": "Watches" }, broken(rule.target)), el("td", { "data-label": "Condition" }, rule.words), el("td", { "data-label": "Tells" }, told), el("td", { class: "quiet nowrap", "data-label": "From" }, rule.origin === "file" ? "file" : "page"), buttons);
}

function historyRow(event) {
  const text = [event.text, event.by && `by ${event.by}`].filter(Boolean).join(" ");
  return el("tr", {}, timeCell(event.at), el("td", {}, badge(event.kind, TONES[event.kind] ?? "")), el("td", { class: "text", "data-label": "Rule" }, event.rule), el("td", { class: "text", "data-label": "What" }, text || event.subject));
}

function noticeRow(notice) {
  const state = notice.sent ? badge("sent", "good") : badge(notice.tries ? `tried ${notice.tries} times` : "waits", notice.tries ? "bad" : "");
  return el("tr", {}, timeCell(notice.at), el("td", {}, state), el("td", { "data-label": "To" }, notice.target), el("td", { class: "text", "data-label": "What" }, el("strong", {}, notice.title), el("div", {}, notice.body), notice.error ? el("div", { class: "bad small" }, notice.error) : null));
}

function tellers() {
  if (!targets.length) return [el("p", { class: "quiet small" }, "Nobody is told yet: ", el("code", {}, "[notify]"), " in alarms.toml names addresses, such as ", el("code", {}, 'me = "ntfy://ntfy.sh/my-topic"'), ".")];
  const buttons = targets.map((target) => el("button", { class: "tight", onclick: () => test(target) }, `Test ${target}`));
  return may("admin") ? [el("p", { class: "row" }, el("span", { class: "quiet small" }, "Who can be told:"), ...buttons)] : [];
}

async function test(target) {
  const found = await tried(() => api(`/alarms/test/${encodeURIComponent(target)}`, "POST"));
  if (found) toast(found.ok ? `A test message went to ${target}.` : `${target}: ${found.reply}`, found.ok ? "" : "bad");
}

function table(id, none, rows) {
  fill(byId(id), ...rows);
  byId(id).closest(".scroll").hidden = rows.length === 0;
  byId(none).hidden = rows.length > 0;
}

async function load() {
  const found = await tried(() => Promise.all(["", "/rules", "/history", "/notices"].map((path) => api(`/alarms${path}`))));
  if (!found) return;
  const [now, rules, history, notices] = found;
  ({ targets } = rules);
  table("now", "calm", now.map(standing));
  const used = rules.rules.filter((rule) => rule.enabled).length;
  byId("calm-text").textContent = used ? `${used === 1 ? "One rule watches" : `${used} rules watch`}, and no alarm stands.` : "No rule watches anything yet.";
  table("rules", "no-rules", rules.rules.map(ruleRow));
  table("history", "no-history", history.map(historyRow));
  table("notices", "no-notices", notices.map(noticeRow));
  fill(byId("targets"), ...tellers());
  fill(byId("file-error"), ...(rules.error ? [el("p", { class: "notice", "data-tone": "bad", role: "alert" }, `The file has an error; the rules that it had before are still in use. ${rules.error}`)] : []));
}

// --- making and changing a rule

function showFields() {
  const kind = byId("r-kind").value;
  for (const field of byId("rule").querySelectorAll("[data-for]")) field.hidden = !field.dataset.for.split(" ").includes(kind);
  byId("r-target").placeholder = kind === "reports" ? "*" : "greenhouse/air/temperature";
}

const boxes = (id, names, ticked) => fill(byId(id), ...names.map((name) => el("label", { class: "row" }, el("input", { type: "checkbox", value: name, checked: ticked(name) }), name)));
const tickedIn = (id) => [...byId(id).querySelectorAll("input:checked")].map((box) => box.value);

async function edit(source) {
  editing = source?.name ?? null;
  byId("dialog-title").textContent = editing ? "Change the rule" : "New rule";
  const kind = KINDS.find((each) => source && each in source) ?? "above";
  byId("r-kind").value = kind;
  const values = { name: source?.name, target: source?.sensor ?? source?.node, limit: source?.[kind], within: kind === "silent" ? source?.silent : source?.within, hysteresis: source?.hysteresis, for: source?.for, schedule: [source?.schedule ?? []].flat().join("; "), text: source?.text };
  for (const [key, value] of Object.entries(values)) byId(`r-${key}`).value = value ?? "";
  boxes("r-reports", REPORTS, (name) => [source?.reports ?? ["offline", "error", "faults"]].flat().includes(name));
  boxes("r-notify", targets, (name) => !source?.notify || [source.notify].flat().includes(name));
  if (!targets.length) fill(byId("r-notify"), el("span", { class: "quiet small" }, "Nobody yet; the alarm shows on this page."));
  byId("rule-error").hidden = true;
  showFields();
  byId("dialog").showModal();
  const [nodes, sensors] = await Promise.all([api("/nodes"), api("/sensors")]).catch(() => [[], []]);
  fill(byId("subjects"), ...[...nodes.map((node) => node.name), ...sensors.map((sensor) => sensor.id)].slice(0, 500).map((value) => el("option", { value })));
}

function sourceOf() {
  const kind = byId("r-kind").value;
  const value = (key) => byId(`r-${key}`).value.trim();
  const target = value("target");
  const onNode = kind === "reports" || (kind === "silent" && !target.includes("/"));
  const source = { name: value("name"), [onNode ? "node" : "sensor"]: target };
  if (kind === "silent") source.silent = value("within");
  else source[kind] = kind === "reports" ? tickedIn("r-reports") : typed(value("limit"));
  const also = { above: ["hysteresis", "for"], below: ["hysteresis", "for"], equals: ["for"], rises: ["within", "hysteresis"], falls: ["within", "hysteresis"], reports: ["for"] }[kind] ?? [];
  for (const key of also) if (value(key)) source[key] = key === "hysteresis" ? Number(value(key)) : value(key);
  const told = tickedIn("r-notify");
  if (targets.length && told.length < targets.length) source.notify = told;
  if (value("schedule")) source.schedule = value("schedule").split(";").map((each) => each.trim());
  if (value("text")) source.text = value("text");
  return source;
}

byId("rule").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await (editing ? api(`/alarms/rules/${encodeURIComponent(editing)}`, "PUT", sourceOf()) : api("/alarms/rules", "POST", sourceOf()));
    byId("dialog").close();
    await load();
  } catch (error) {
    byId("rule-error").textContent = error.message;
    byId("rule-error").hidden = false;
  }
});
byId("cancel").addEventListener("click", () => byId("dialog").close());
byId("r-kind").addEventListener("change", showFields);
byId("new").hidden = !may("admin");
byId("new").addEventListener("click", () => edit(null));
await load();
live([], (message) => message.alarms && load(), load);
setInterval(() => !document.hidden && load(), 30000);
