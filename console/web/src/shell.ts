// What every page has: words, the server's time, ages, toasts, the keyboard, help, own claims.

import { keepClaims } from "./claims";
import { find, say, setTime, text } from "./page";
import { keys } from "./keys";

const help = find<HTMLDialogElement>("help");
find("help-open")?.addEventListener("click", () => help?.showModal());
const search = document.querySelector<HTMLInputElement>(".find input");
keys({
  "?": () => help?.showModal(),
  Slash: () => search?.focus(),
});
search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") search.blur();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    menu.open = false;
  }
});
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.sure ?? say("js.sure"))) event.preventDefault();
  });
}
setTime(text("now"));
keepClaims();
