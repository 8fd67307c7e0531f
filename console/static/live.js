// The live stream: the browser resumes it by itself from the last position it heard.

import { say, serverTime } from "./shell.js";

const QUIET_MS = 16_000; // the server says something every five seconds

export function follow(position, { row, gone, reset, reconnected }) {
  const sign = document.getElementById("live");
  const lost = document.getElementById("banner-lost");
  const silent = document.getElementById("banner-silent");
  let source = null;
  let last = position;
  let heard = performance.now();
  let broken = false;

  function state(name) {
    if (sign && sign.dataset.state !== name) {
      sign.dataset.state = name;
      sign.title = sign.lastElementChild.textContent = say(`js.${name}`);
    }
    if (lost) lost.hidden = name !== "lost";
  }

  function listen(name, handle) {
    source.addEventListener(name, (event) => {
      heard = performance.now();
      if (event.lastEventId) last = event.lastEventId;
      handle(JSON.parse(event.data));
    });
  }

  function open() {
    source = new EventSource(`/api/stream?after=${encodeURIComponent(last)}`);
    source.onopen = () => {
      heard = performance.now();
      state("live");
      reconnected?.(broken);
      broken = false;
    };
    source.onerror = () => {
      broken = true;
      state("lost");
      // Refused for good: after a sign-out, say. The page itself then leads to the sign-in.
      if (source.readyState === EventSource.CLOSED) setTimeout(again, 5_000);
    };
    listen("row", row);
    listen("gone", gone);
    listen("reset", reset);
    listen("pulse", (data) => {
      serverTime(data.now);
      if (!silent) return;
      silent.hidden = data.silent.length === 0;
      silent.querySelector("b").textContent = data.silent.join(", ");
    });
  }

  function again() {
    source.close();
    open();
  }

  setInterval(() => {
    if (source.readyState === EventSource.OPEN && performance.now() - heard > QUIET_MS) {
      broken = true;
      state("lost");
      again();
    }
  }, 2_000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && again());
  open();
}
