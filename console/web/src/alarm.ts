// Says aloud that something came: a sound by severity, a notification when the page is not seen.

import { find, say } from "./page";

const KEPT = "alarm";
const TONES: Record<string, number[]> = {
  urgent: [880, 660, 880, 660],
  raised: [660, 520],
  calm: [],
};
const TONE_S = 0.16;
const REST_MS = 4_000; // a flood sounds once
const TOLD = "alarms"; // when this person was told lately, in all tabs
const HOUR_MS = 3_600_000;

let last = 0;
let audio: AudioContext | null = null;

const on = (): boolean => localStorage.getItem(KEPT) === "on";

const perHour = (): number => Number(find("bell")?.dataset.perH ?? Infinity);

function told(): number[] {
  const kept = JSON.parse(localStorage.getItem(TOLD) ?? "[]") as number[];
  return kept.filter((at) => Date.now() - at < HOUR_MS);
}

// Whether the budget of alerts an hour has room for one more, which is then spent.
function spend(): boolean {
  const lately = told();
  const room = lately.length < perHour();
  if (room) localStorage.setItem(TOLD, JSON.stringify([...lately, Date.now()]));
  show();
  return room;
}

function show(): void {
  const button = find("bell");
  if (!button) return;
  button.setAttribute("aria-pressed", String(on()));
  const spent = on() && told().length >= perHour();
  button.dataset.spent = String(spent);
  button.title = say(spent ? "js.bell_spent" : on() ? "js.bell_on" : "js.bell_off");
  button.setAttribute("aria-label", button.title);
}

function sound(level: string): void {
  const tones = TONES[level] ?? [];
  if (!tones.length) return;
  audio ??= new AudioContext();
  tones.forEach((tone, index) => {
    if (!audio) return;
    const [voice, gain] = [audio.createOscillator(), audio.createGain()];
    const begin = audio.currentTime + index * TONE_S;
    voice.frequency.value = tone;
    gain.gain.setValueAtTime(0.0001, begin);
    gain.gain.exponentialRampToValueAtTime(0.2, begin + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, begin + TONE_S);
    voice.connect(gain).connect(audio.destination);
    voice.start(begin);
    voice.stop(begin + TONE_S);
  });
}

export interface News {
  id: string;
  level: string;
  title: string;
  text: string;
}

export function alarm(news: News): void {
  if (!on() || news.level === "calm" || Date.now() - last < REST_MS) return;
  if (!spend()) return;
  last = Date.now();
  sound(news.level);
  document.documentElement.dataset.alarm = news.id;
  if (document.visibilityState === "visible" && document.hasFocus()) return;
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const note = new Notification(news.title, { body: news.text, tag: news.id, lang: document.documentElement.lang });
  note.onclick = () => {
    window.focus();
    location.assign(`/events/${news.id}`);
  };
}

export function bell(): void {
  const button = find("bell");
  if (!button) return;
  show();
  button.addEventListener("click", () => {
    localStorage.setItem(KEPT, on() ? "off" : "on");
    if (on()) {
      sound("raised"); // browsers let a page sound only after a click
      if ("Notification" in window && Notification.permission === "default") {
        void Notification.requestPermission();
      }
    }
    show();
  });
}
