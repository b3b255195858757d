// A run over the wire: started once however often it has to be sent, and followed to its end across broken connections.

import { ApiError, events } from "./stream.js";

export const ENDS = ["run.finished", "run.failed", "run.cancelled"];
const PATIENCE_MS = 30_000; // a killed controller is back within seconds
const PAUSE_MS = 400;
const PASSING = [0, 502, 503, 504]; // no answer at all, or none for now
const LOST = { message: "The connection broke and did not come back.", hint: "The run goes on by itself: reload the page to see how it ended." };

/** Starts it; `onBreak` hears of every failed attempt. */
export async function start(call, body, { signal, onBreak }) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": newKey() };
  const patience = new Patience(signal, onBreak);
  for (;;) {
    try {
      return await (await call("/api/runs", { method: "POST", headers, body: JSON.stringify(body), signal })).json();
    } catch (error) {
      await patience.bear(error);
    }
  }
}

/** Its events from the first to the last, each once. */
export async function* follow(call, runId, { signal, onBreak }) {
  const patience = new Patience(signal, onBreak);
  for (let after = 0; ; ) {
    try {
      const response = await call(`/api/runs/${runId}/events`, { headers: { "Last-Event-ID": String(after) }, signal });
      for await (const event of events(response.body)) {
        signal.throwIfAborted();
        patience.renew();
        after = event.number;
        yield event;
        if (ENDS.includes(event.type)) return;
      }
      await patience.bear(null); // it ended too early
    } catch (error) {
      await patience.bear(error);
    }
  }
}

export const cancel = (call, runId) => call(`/api/runs/${runId}/cancel`, { method: "POST" });

class Patience {
  constructor(signal, onBreak) {
    this.signal = signal;
    this.onBreak = onBreak;
    this.renew();
  }

  renew() {
    this.until = Date.now() + PATIENCE_MS;
  }

  async bear(error) {
    this.signal.throwIfAborted();
    if (error instanceof ApiError && !PASSING.includes(error.status)) throw error;
    if (Date.now() > this.until) throw new ApiError(0, LOST);
    this.onBreak();
    await new Promise((go) => setTimeout(go, PAUSE_MS));
  }
}

// Not randomUUID: browsers have it for https and this machine only.
const newKey = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("-");
