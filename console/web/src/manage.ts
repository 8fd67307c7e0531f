// The supervisor's and the administrator's pages: fresh figures without a hand.

const every = Number(document.body.dataset.refreshS ?? 0) * 1000;
if (every > 0) {
  setInterval(() => {
    const busy = document.querySelector("dialog[open], input:focus, select:focus, details[open] form");
    if (!busy && document.visibilityState === "visible") location.reload();
  }, every);
}
document.documentElement.dataset.ready = "true";
