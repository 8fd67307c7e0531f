// A list of events that stands still: the search's result.

import { keys } from "./keys";
import { need } from "./page";

const list = need("rows");
const rows = [...list.querySelectorAll<HTMLElement>(".row")];
let index = -1;

const open = (row: HTMLElement | null | undefined): void => {
  if (row) location.assign(`/events/${row.dataset.id}`);
};

function move(step: number): void {
  if (!rows.length) return;
  rows[index]?.setAttribute("aria-selected", "false");
  index = Math.min(rows.length - 1, Math.max(0, index + step));
  rows[index]?.setAttribute("aria-selected", "true");
  rows[index]?.scrollIntoView({ block: "nearest" });
}

list.addEventListener("click", (event) =>
  open((event.target as Element).closest<HTMLElement>(".row")),
);
keys({
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  Enter: () => open(rows[index]),
  Escape: () => location.assign("/queue"),
});
document.documentElement.dataset.ready = "true";
