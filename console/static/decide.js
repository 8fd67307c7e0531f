// Sending decisions, and what happens when the event changed meanwhile.

import { post, say, toast } from "./shell.js";

const WORDS = {
  confirm: "js.confirmed",
  reject: "js.rejected",
  link: "js.linked",
  unlink: "js.unlinked",
  undo: "js.undone",
};
const mine = []; // decisions of this page that can be undone, the newest last

export const lastDecision = () => mine.at(-1) ?? null;

const word = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

function closed(dialog) {
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

// Asks why; null when the person thought better of it.
export async function askReason(about) {
  const dialog = document.getElementById("reject");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.querySelector(".about").textContent = about;
  const pick = (event) => {
    if (event.target.name === "words") return;
    const number = Number(event.key);
    const choice = form.elements.reason[number - 1];
    if (!choice) return;
    choice.checked = true;
    choice.focus();
    event.preventDefault();
  };
  dialog.addEventListener("keydown", pick);
  const answer = await closed(dialog);
  dialog.removeEventListener("keydown", pick);
  if (answer !== "ok") return null;
  return { reason: form.elements.reason.value, words: form.elements.words.value.trim() || null };
}

async function askStale(data) {
  const dialog = document.getElementById("stale");
  const list = dialog.querySelector(".changes");
  list.replaceChildren(
    ...data.changes.map((change) => {
      const item = document.createElement("li");
      item.textContent = change.text;
      return item;
    }),
  );
  const decided = data.changes.some((change) => change.what === "decided");
  dialog.querySelector("[value=again]").hidden = decided;
  return closed(dialog);
}

// Sends a decision on `event` {id, version}; gives the answer, or null when nothing was decided.
export async function decide(event, body, { onUndo = null } = {}) {
  const message = { ...body, version: event.version, request: word() };
  let answer = await post(`/api/events/${event.id}/decisions`, message).catch(() => null);
  if (answer?.status === 409) {
    const choice = await askStale(answer.data);
    if (choice === "look") location.assign(`/events/${event.id}`);
    if (choice !== "again") return null;
    answer = await post(`/api/events/${event.id}/decisions`, {
      ...message,
      version: answer.data.version,
      request: word(),
    }).catch(() => null);
  }
  if (answer?.status !== 200) {
    const detail = answer?.data.detail;
    toast(typeof detail === "string" ? detail : say("js.failed"), { bad: true });
    return null;
  }
  if (body.kind === "undo") {
    const index = mine.findIndex((one) => one.id === body.undoes);
    if (index >= 0) mine.splice(index, 1);
    toast(say(WORDS.undo));
  } else {
    const done = { event: event.id, id: answer.data.id };
    mine.push(done);
    toast(say(WORDS[body.kind]), {
      label: say("js.undo"),
      action: onUndo && (() => onUndo(done)),
    });
  }
  return answer.data;
}

// An undo names the decision, not the version: it takes back what was done, whatever came since.
export function undo(done) {
  return decide({ id: done.event, version: null }, { kind: "undo", undoes: done.id });
}
