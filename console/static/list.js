// A list of events that stands still: the search's result.

import { keys } from "./shell.js";

const list = document.getElementById("rows");
const rows = [...list.querySelectorAll(".row")];
let index = -1;

const open = (row) => row && location.assign(`/events/${row.dataset.id}`);

function move(step) {
  if (!rows.length) return;
  rows[index]?.setAttribute("aria-selected", "false");
  index = Math.min(rows.length - 1, Math.max(0, index + step));
  rows[index].setAttribute("aria-selected", "true");
  rows[index].scrollIntoView({ block: "nearest" });
}

list.addEventListener("click", (event) => open(event.target.closest(".row")));
keys({
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  Enter: () => open(rows[index]),
  Escape: () => location.assign("/queue"),
});
