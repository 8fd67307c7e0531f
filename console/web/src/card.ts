// The card for 102: its only control prints it.

document.getElementById("print")?.addEventListener("click", () => window.print());
document.documentElement.dataset.ready = "true";
