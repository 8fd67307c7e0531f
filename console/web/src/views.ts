// Saved views: a person's own names for choices of filters.

import { find, get, post, say, toast } from "./page";

type Views = Record<string, string>;

export function savedViews(view: string, chosen: () => URLSearchParams): void {
  const list = find<HTMLSelectElement>("views");
  const save = find("view-save");
  const drop = find("view-drop");
  if (!list || !save || !drop) return;
  const here = new URLSearchParams(location.search);
  here.set("view", view);

  async function show(): Promise<void> {
    const views = (await get<Views>("/api/views")) ?? {};
    const names = Object.keys(views).sort();
    list?.replaceChildren(
      new Option(say("js.views"), ""),
      ...names.map((name) => {
        const option = new Option(name, views[name]);
        option.selected = views[name] === here.toString();
        return option;
      }),
    );
    if (list) list.hidden = names.length === 0;
    if (drop) drop.hidden = list?.value === "";
  }

  list.addEventListener("change", (event) => {
    event.stopPropagation();
    location.assign(`/queue?${list.value}`);
  });
  save.addEventListener("click", async () => {
    const name = window.prompt(say("js.view_name"))?.trim();
    if (!name) return;
    const kept = chosen();
    const answer = await post("/api/views", { name, query: kept.toString() }, "PUT");
    if (answer.status !== 200) toast(say("js.failed"), { bad: true });
    await show();
  });
  drop.addEventListener("click", async () => {
    const name = list.selectedOptions[0]?.textContent ?? "";
    await post("/api/views", { name, query: null }, "PUT");
    await show();
  });
  void show();
}
