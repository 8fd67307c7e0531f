// Keys by their place on the keyboard: j is j under a Russian or Kazakh layout too.

export type Actions = Record<string, (event: KeyboardEvent) => unknown>;

export const typing = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]") !==
    null;

const onControl = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest("a, button, summary, input, select, textarea") !== null;

export function keys(actions: Actions): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const name = event.key === "?" ? "?" : `${event.shiftKey ? "Shift+" : ""}${event.code}`;
    const action = actions[name];
    if (!action) return;
    if ((name === "Enter" || name === "Space") && onControl(event.target)) return;
    event.preventDefault();
    action(event);
  });
}
