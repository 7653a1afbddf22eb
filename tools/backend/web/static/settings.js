// The theme, the password, tokens, and for an admin the users.
import { ROLES, ago, api, byId, el, fill, may, moment, pressed, toast, tried, user } from "./core.js";

const chosen = localStorage.getItem("theme") ?? "";
for (const button of byId("theme").children) button.setAttribute("aria-pressed", String(button.value === chosen));
pressed(byId("theme"), (value) => {
  if (value) localStorage.setItem("theme", value);
  else localStorage.removeItem("theme");
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
});

byId("password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { old: byId("old").value, password: byId("new").value };
  if (await tried(() => api("/me/password", "PUT", body))) location.assign("/login");
});

const removing = (text, path, question) => el("button", { class: "tight danger", onclick: async () => confirm(question) && (await tried(() => api(path, "DELETE"))) && load() }, text);

async function load() {
  const tokens = (await tried(() => api("/me/tokens"))) ?? [];
  fill(byId("tokens"), ...tokens.map((token) => el("tr", {}, el("td", {}, token.name), el("td", { "data-label": "Role" }, token.role), el("td", { class: "quiet", "data-label": "Made" }, moment(token.created)), el("td", { class: "quiet", "data-label": "Used" }, `used ${ago(token.used)}`), el("td", { class: "num" }, removing("End", `/me/tokens/${token.id}`, `End the token ${token.name}?`)))));
  if (!may("admin")) return;
  const users = (await tried(() => api("/users"))) ?? [];
  fill(byId("users"), ...users.map((each) => {
    const path = `/users/${encodeURIComponent(each.name)}`;
    const role = el("select", { class: "tight", "aria-label": `Role of ${each.name}` }, ...ROLES.map((name) => el("option", { selected: name === each.role }, name)));
    role.addEventListener("change", async () => {
      await tried(() => api(path, "PATCH", { role: role.value }));
      load();
    });
    const reset = el("button", { class: "tight", onclick: () => setPassword(each.name, path) }, "Password");
    return el("tr", {}, el("td", {}, el("strong", {}, each.name)), el("td", {}, role), el("td", { class: "quiet", "data-label": "Made" }, moment(each.created)), el("td", { class: "num nowrap" }, ...(each.name === user ? [] : [reset, " ", removing("Remove", path, `Remove ${each.name}?`)])));
  }));
}

async function setPassword(name, path) {
  const password = prompt(`Another password for ${name}, 10 characters or more`);
  if (password && (await tried(() => api(`${path}/password`, "PUT", { password })))) toast(`${name} has another password and is logged out.`);
}

fill(byId("token-role"), ...ROLES.filter(may).map((role) => el("option", {}, role)));
byId("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const made = await tried(() => api("/me/tokens", "POST", { name: byId("token-name").value, role: byId("token-role").value }));
  if (!made) return;
  fill(byId("made"), "Copy it now, it isn't shown again: ", el("code", {}, made.token));
  byId("made").hidden = false;
  load();
});
byId("user").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { name: byId("user-name").value, password: byId("user-password").value, role: byId("user-role").value };
  if (!(await tried(() => api("/users", "POST", body)))) return;
  event.target.reset();
  load();
});
byId("users-card").hidden = !may("admin");
load();
