// Claims of this browser: kept alive while any page of the console is open.

import { me, post, say, toast } from "./page";

const KEPT = "claims";
const BEAT_MS = 15_000;
const PAST_MS = 45_000;

type Kept = Record<string, number>; // event -> when it was last heard of

function read(): Kept {
  return JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Kept;
}

function write(kept: Kept): void {
  localStorage.setItem(KEPT, JSON.stringify(kept));
}

function keep(event: string): void {
  write({ ...read(), [event]: Date.now() });
}

export function forget(event: string): void {
  const { [event]: _, ...rest } = read();
  write(rest);
}

interface ClaimAnswer {
  by?: string;
  detail?: string;
}

export async function take(event: string): Promise<boolean> {
  const answer = await post<ClaimAnswer>(`/api/events/${event}/claim`).catch(() => null);
  if (answer?.status === 200) {
    keep(event);
    return true;
  }
  toast(answer?.data.detail ?? say("js.failed"), { bad: true });
  return false;
}

export async function release(event: string): Promise<void> {
  forget(event);
  await post(`/api/events/${event}/release`).catch(() => null);
}

export async function breakClaim(event: string): Promise<void> {
  await post(`/api/events/${event}/break-claim`).catch(() => null);
}

async function beat(): Promise<void> {
  const kept = read();
  for (const [event, at] of Object.entries(kept)) {
    if (Date.now() - at < BEAT_MS * 0.8) continue; // another tab has just spoken for it
    if (Date.now() - at > PAST_MS * 2) {
      forget(event);
      continue;
    }
    const answer = await post<ClaimAnswer>(`/api/events/${event}/beat`).catch(() => null);
    if (answer?.status === 200) keep(event);
    else if (answer && answer.status !== 503) {
      forget(event);
      if (answer.status === 409) toast(say("js.claim_lost"), { bad: true });
    }
  }
}

export function keepClaims(): void {
  if (me) setInterval(() => void beat(), BEAT_MS);
}
