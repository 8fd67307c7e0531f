// Dialogs that ask a person: they give the answer, or null when the person thought better of it.

import { need, say } from "./page";
import { typing } from "./keys";

function closed(dialog: HTMLDialogElement): Promise<string> {
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

// Figures choose: 1 is the first choice, 0 the tenth, then the letters.
function digits(form: HTMLFormElement, name: string, event: KeyboardEvent): void {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const choices = [...form.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)];
  const shown = choices.findIndex(
    (choice) => choice.closest("label")?.querySelector("kbd")?.textContent === event.key,
  );
  const choice = choices[shown];
  if (!choice) return;
  choice.checked = choice.type === "checkbox" ? !choice.checked : true;
  choice.focus();
  event.preventDefault();
}

async function answered(
  id: string,
  name: string,
  prepare: (form: HTMLFormElement) => void = () => {},
): Promise<FormData | null> {
  const dialog = need<HTMLDialogElement>(id);
  const form = dialog.querySelector("form");
  if (!form) return null;
  form.reset();
  prepare(form);
  const pick = (event: KeyboardEvent): void => digits(form, name, event);
  dialog.addEventListener("keydown", pick);
  const answer = await closed(dialog);
  dialog.removeEventListener("keydown", pick);
  return answer === "ok" ? new FormData(form) : null;
}

const about = (text: string) => (form: HTMLFormElement): void => {
  const line = form.querySelector(".about");
  if (line) line.textContent = text;
};

const own = (data: FormData): string | null => String(data.get("words") ?? "").trim() || null;

export interface Why {
  reason: string;
  words: string | null;
}

export async function askReason(told: string): Promise<Why | null> {
  const data = await answered("reject", "reason", about(told));
  return data && { reason: String(data.get("reason")), words: own(data) };
}

export async function askSnooze(told: string): Promise<{ snooze_min: number } | null> {
  const data = await answered("snooze", "minutes", about(told));
  return data && { snooze_min: Number(data.get("minutes")) };
}

export async function askCategory(told: string): Promise<{ category: string } | null> {
  const data = await answered("category", "category", about(told));
  return data && data.get("category") ? { category: String(data.get("category")) } : null;
}

export async function askNote(told: string): Promise<{ words: string } | null> {
  const data = await answered("note", "none", about(told));
  const words = data && own(data);
  return words ? { words } : null;
}

export async function askSplit(
  choices: { id: string; text: string }[],
): Promise<{ members: string[] } | null> {
  const data = await answered("split", "member", (form) => {
    form.querySelector(".reasons")?.replaceChildren(
      ...choices.map((one, index) => choice("checkbox", "member", one.id, one.text, index)),
    );
  });
  const members = data?.getAll("member").map(String) ?? [];
  return members.length ? { members } : null;
}

export interface Neighbour {
  id: string;
  version: number;
  text: string;
}

export async function askMerge(found: Neighbour[]): Promise<Neighbour | null> {
  const data = await answered("merge", "other", (form) => {
    form.querySelector(".reasons")?.replaceChildren(
      ...found.map((one, index) => choice("radio", "other", one.id, one.text, index)),
    );
    const none = form.querySelector<HTMLElement>(".none");
    if (none) none.hidden = found.length > 0;
  });
  return found.find((one) => one.id === data?.get("other")) ?? null;
}

export async function askReveal(told: string): Promise<{ reason: string } | null> {
  const data = await answered("reveal", "none", about(told));
  const reason = data && own(data);
  return reason ? { reason } : null;
}

function choice(
  type: string,
  name: string,
  value: string,
  told: string,
  index: number,
): HTMLLabelElement {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = type;
  input.name = name;
  input.value = value;
  if (type === "radio" && index === 0) input.checked = true;
  const key = document.createElement("kbd");
  key.textContent = index < 9 ? String(index + 1) : "";
  const words = document.createElement("span");
  words.dir = "auto";
  words.textContent = told;
  label.append(input, key, words);
  return label;
}

export interface StaleChange {
  what: string;
  text: string;
}

// What changed; "look" to see the event anew, "again" to decide all the same.
export async function askStale(changes: StaleChange[]): Promise<string> {
  const dialog = need<HTMLDialogElement>("stale");
  dialog.querySelector(".changes")?.replaceChildren(
    ...changes.map((change) => {
      const item = document.createElement("li");
      item.textContent = change.text;
      return item;
    }),
  );
  const again = dialog.querySelector<HTMLElement>("[value=again]");
  if (again) again.hidden = changes.some((change) => change.what === "decided");
  return closed(dialog);
}

export const sure = (key: string): boolean => window.confirm(say(key));
