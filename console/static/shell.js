// What every page has: words, the server's time, ages, toasts, the keyboard, help.

export const texts = JSON.parse(document.body.dataset.texts);
export const lang = document.documentElement.lang;
const csrf = document.querySelector("meta[name=csrf]").content;

export function say(key, values = {}) {
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(`{${name}}`, String(value)),
    texts[key] ?? key,
  );
}

// The server's clock, which in a replay is not the machine's.
let heard = { server: Date.parse(document.body.dataset.now), here: performance.now() };

export function serverTime(iso) {
  heard = { server: Date.parse(iso), here: performance.now() };
  refreshAges();
}

export const now = () => heard.server + (performance.now() - heard.here);

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return say("js.time.s", { n: whole });
  if (whole < 3600) return say("js.time.min", { n: Math.floor(whole / 60) });
  if (whole < 86400) {
    return say("js.time.h_min", {
      n: Math.floor(whole / 3600),
      m: Math.floor((whole % 3600) / 60),
    });
  }
  return say("js.time.d_h", {
    n: Math.floor(whole / 86400),
    m: Math.floor((whole % 86400) / 3600),
  });
}

export function refreshAges(root = document) {
  const at = now();
  for (const element of root.querySelectorAll("[data-ago]")) {
    const text = span((at - Date.parse(element.dateTime || element.dataset.time)) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
refreshAges();
setInterval(refreshAges, 1000);

export function toast(text, { action = null, label = "", bad = false } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  box.append(text);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      box.remove();
      action();
    });
    box.append(button);
  }
  const all = document.getElementById("toasts");
  all.append(box);
  while (all.children.length > 3) all.firstChild.remove();
  setTimeout(() => box.remove(), action ? 9000 : 4000);
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
  if (answer.status === 401) location.assign("/login");
  const data = await answer.json().catch(() => ({}));
  return { status: answer.status, data };
}

export const typing = (target) =>
  target instanceof Element &&
  target.closest("input:not([type=radio]), textarea, select, [contenteditable]") !== null;

// Keys by their place on the keyboard: j is j under a Russian or Kazakh layout too.
export function keys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const name = event.key === "?" ? "?" : event.shiftKey ? null : event.code;
    const action = actions[name];
    if (!action) return;
    if (name === "Enter" && event.target.closest("a, button, summary")) return;
    event.preventDefault();
    action(event);
  });
}

const help = document.getElementById("help");
document.getElementById("help-open")?.addEventListener("click", () => help.showModal());
keys({
  "?": () => help?.showModal(),
  Slash: () => document.querySelector(".find input")?.focus(),
});
document.querySelector(".find input")?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.blur();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
