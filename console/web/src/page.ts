// The page's words, its time, its messages, and requests to its server.

const body = document.body;
export const words: Record<string, string> = JSON.parse(body.dataset.texts ?? "{}");
export const lang = document.documentElement.lang as "ru" | "kk" | "en";
export const me = body.dataset.me ?? "";
export const decides = body.classList.contains("decides");
const csrf = document.querySelector<HTMLMetaElement>("meta[name=csrf]")?.content ?? "";

export const text = (name: string): string => body.dataset[name] ?? "";

export function find<T extends HTMLElement = HTMLElement>(id: string): T | null {
  return document.getElementById(id) as T | null;
}

export function need<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = find<T>(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

export function say(key: string, values: Record<string, string | number> = {}): string {
  return Object.entries(values).reduce(
    (sentence, [name, value]) => sentence.replaceAll(`{${name}}`, String(value)),
    words[key] ?? key,
  );
}

// The server's clock, which in a replay is not the machine's.
let heard = { server: Date.now(), here: performance.now() };

export function setTime(iso: string): void {
  const server = Date.parse(iso);
  if (Number.isNaN(server)) return;
  heard = { server, here: performance.now() };
  refreshAges();
}

export const now = (): number => heard.server + (performance.now() - heard.here);

export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return say("js.time.s", { n: whole });
  if (whole < 3600) return say("js.time.min", { n: Math.floor(whole / 60) });
  const [n, m] =
    whole < 86400
      ? [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
      : [Math.floor(whole / 86400), Math.floor((whole % 86400) / 3600)];
  return say(whole < 86400 ? "js.time.h_min" : "js.time.d_h", { n, m });
}

export function refreshAges(root: ParentNode = document): void {
  const at = now();
  for (const element of root.querySelectorAll<HTMLTimeElement>("[data-ago]")) {
    const told = span((at - Date.parse(element.dateTime || element.dataset.time || "")) / 1000);
    if (element.textContent !== told) element.textContent = told;
  }
}
setInterval(refreshAges, 1000);

interface ToastOptions {
  action?: (() => void) | null;
  label?: string;
  href?: string;
  bad?: boolean;
}

export function toast(message: string, options: ToastOptions = {}): void {
  const { action = null, label = "", href = "", bad = false } = options;
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  box.append(message);
  if (href) {
    const link = document.createElement("a");
    link.href = href;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = say("js.card");
    box.append(link);
  }
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      box.remove();
      action();
    });
    box.append(button);
  }
  const all = need("toasts");
  all.append(box);
  while (all.children.length > 3) all.firstChild?.remove();
  setTimeout(() => box.remove(), action ? 9000 : 4000);
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  data: T;
}

export async function post<T = Record<string, unknown>>(
  path: string,
  message: unknown = {},
  method = "POST",
): Promise<Answer<T>> {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(message),
  });
  if (answer.status === 401) location.assign("/login");
  const data = (await answer.json().catch(() => ({}))) as T;
  return { status: answer.status, data };
}

export async function get<T>(path: string): Promise<T | null> {
  const answer = await fetch(path).catch(() => null);
  return answer?.ok ? ((await answer.json()) as T) : null;
}

// A word that nobody said before: sending a request twice decides once.
export const word = (): string => crypto.getRandomValues(new Uint32Array(4)).join("-");
