// What all pages share: the API, elements, words for times and values, live events.
// Text reaches the page through textContent alone, so nothing that a node publishes can become HTML.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
export const ROLES = ["viewer", "operator", "admin"];
export const user = meta("user");
export const may = (role) => ROLES.indexOf(meta("role")) >= ROLES.indexOf(role);
export const byId = (id) => document.getElementById(id);

// An element: el("a", {href: "/"}, "text", child). Properties whose value is null are left out.
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function fill(parent, ...children) {
  parent.replaceChildren(...children);
  return parent;
}

// A call of the API; throws an Error whose message can be shown to a person.
export async function api(path, method = "GET", body = undefined) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = meta("csrf");
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new Error("The collector doesn't answer. Is it running?");
  }
  if (answer.status === 401) {
    location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Error("Log in again.");
  }
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(words(found?.detail) || `The collector answered ${answer.status}.`);
  return found;
}

function words(detail) {
  if (Array.isArray(detail)) return detail.map((each) => `${each.loc.slice(1).join(".")}: ${each.msg}`).join("; ");
  return typeof detail === "string" ? detail : "";
}

export function toast(text, tone = "") {
  const made = el("div", { class: "toast", "data-tone": tone }, text);
  byId("toasts")?.append(made);
  setTimeout(() => made.remove(), tone === "bad" ? 9000 : 4000);
}

// Do something, and show what goes wrong.
export async function tried(act) {
  try {
    return await act();
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  }
}

export function ago(ms) {
  if (!ms) return "never";
  const seconds = Math.round((Date.now() - ms) / 1000);
  if (seconds < 2) return "now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} d ago`;
}

export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "";
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.round(seconds)} s`;
}

const MOMENT = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }); // 2026-11-27 12:00:00
export const moment = (ms) => (ms ? MOMENT.format(ms) : "");
export const timeCell = (ms) => el("td", { class: "nowrap small", "data-label": "Time" }, el("time", { dateTime: new Date(ms).toISOString() }, moment(ms)));

// A value as it is read aloud: 21.5, on, or the text.
export function shown(value, kind = "number") {
  if (value === null || value === undefined) return "–";
  if (kind === "switch" || typeof value === "boolean") return value ? "on" : "off";
  if (typeof value !== "number") return String(value);
  if (value !== 0 && (Math.abs(value) >= 1e9 || Math.abs(value) < 1e-4)) return value.toExponential(3);
  return String(Number(value.toPrecision(7)));
}

// A name that may be broken after each slash.
export function broken(text) {
  const parts = text.split(/(?<=\/)/);
  return el("span", {}, ...parts.flatMap((part, index) => (index ? [el("wbr"), part] : [part])));
}

export const unitShown = (unit) => (unit === "C" ? "°C" : unit);
export const tone = (state) => (state === "online" ? "good" : state === "offline" ? "bad" : "");
export const badge = (text, kind) => el("span", { class: "badge", "data-tone": kind }, text);
export const empty = (cell) => cell === null || cell === undefined || cell === "";
export const query = (pairs) => new URLSearchParams(pairs).toString();
export const nodePath = (name) => `/nodes/${encodeURIComponent(name)}`;
export const plotPath = (...ids) => `/plot?${query(ids.map((id) => ["sensor", id]))}`;

// What was typed as JSON if it is JSON, else as text.
export function typed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Whether a text has all the words that are typed in the field of a search.
export function searched(field) {
  const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => wanted.every((word) => text.toLowerCase().includes(word));
}

export function pressed(group, act) {
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const each of group.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
    act(button.value);
  });
}

// Live events, taken up again whenever the connection or the browser's tab comes back.
export function live(pairs, heard, again) {
  const light = byId("link");
  let source = null;
  let opened = false;
  const say = (on, text) => {
    if (!light) return;
    light.hidden = false;
    light.dataset.on = String(on);
    light.textContent = text;
  };
  const open = () => {
    source = new EventSource(`/api/v1/live?${query(pairs)}`);
    source.onopen = () => {
      say(true, "live");
      if (opened && again) again();
      opened = true;
    };
    source.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.alarms) countAlarms();
      heard(message);
    };
    source.onerror = () => {
      say(false, "not connected; trying again");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => !document.hidden && reopen(), 3000);
    };
  };
  const close = () => source?.close();
  const reopen = () => {
    close();
    open();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : reopen()));
  addEventListener("pagehide", close);
  open();
  return close;
}

export async function countAlarms() {
  const place = byId("alarm-count");
  if (!place) return;
  const alarms = await api("/alarms").catch(() => []);
  const open = alarms.filter((alarm) => !alarm.acknowledged).length;
  place.hidden = open === 0;
  fill(place, String(open), el("span", { class: "unseen" }, " alarms that nobody has acknowledged"));
}
countAlarms();
