// The page: takes the key, holds the thread, hands events to the view. Nothing is loaded from elsewhere.

import { panel } from "./panel.js";
import { ApiError, events, request } from "./stream.js";
import { failure, find, make, Turn } from "./view.js";

const KEY = "pilothouse-key";
const LOST = { message: "The connection broke before the answer was complete.", hint: "Reload the page to see what the thread holds. Nothing was sent again." };
const REHEARSAL = { model: "pilothouse/rehearsal", notice: "rehearsal model: set OPENROUTER_API_KEY for a real one" };
const SUGGESTIONS = [
  "How is my bot doing?",
  "How much profit did I make so far?",
  "Remember that I never want more than three open trades",
  "What did I tell you about open trades?",
];

let threadId = null;
let running = null; // the AbortController of the answer that is arriving

const key = () => sessionStorage.getItem(KEY);
const toEnd = () => requestAnimationFrame(() => scrollTo(0, document.documentElement.scrollHeight));
const call = (path, options) => request(path, { key: key(), ...options }).catch(refuse);

function refuse(error) {
  if (error.status === 401) lock(`${error.message}. ${error.hint}`);
  throw error;
}

function lock(hint) {
  sessionStorage.removeItem(KEY);
  find("key-hint").textContent = hint;
  document.body.classList.add("locked");
  find("key").focus();
}

function takeKeyFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!given) return;
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
}

function showThread(id) {
  threadId = id;
  history.replaceState(null, "", id ? `?thread=${encodeURIComponent(id)}` : location.pathname);
}

function showNotice(text) {
  find("notice").textContent = text;
  find("notice").hidden = !text;
}

function startOver() {
  running?.abort();
  showThread(null);
  find("log").replaceChildren();
  find("welcome").hidden = false;
  find("message").focus();
}

const HANDLERS = {
  "run.started": (turn, { thread_id: id, notice = "" }) => {
    showThread(id);
    showNotice(notice);
  },
  "node.started": (turn, { node }) => turn.step(node),
  "message.delta": (turn, { text }) => turn.delta(text),
  "message.completed": (turn, { text }) => turn.complete(text),
  "tool.started": (turn, event) => turn.startTool(event),
  "tool.finished": (turn, event) => turn.finishTool(event),
  "usage.recorded": (turn, event) => turn.addUsage(event),
  "run.finished": (turn, { answer, cost_usd: cost }) => {
    if (!turn.spoke) turn.complete(answer);
    turn.end({ cost });
  },
  "run.failed": (turn, { error }) => turn.end({ problem: error }),
};

function handle(turn, event) {
  const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 160;
  HANDLERS[event.type]?.(turn, event);
  if (atEnd) toEnd();
}

async function ask(message) {
  const mine = (running = new AbortController());
  const turn = new Turn(find("log"), message);
  find("welcome").hidden = true;
  find("send").disabled = true;
  toEnd();
  try {
    await follow(turn, message, mine.signal);
  } catch (error) {
    if (!mine.signal.aborted) turn.end({ problem: error instanceof ApiError ? error : LOST });
    toEnd();
  }
  if (running !== mine) return;
  running = null;
  find("send").disabled = false;
}

async function follow(turn, message, signal) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const body = JSON.stringify(threadId ? { message, thread_id: threadId } : { message });
  const response = await call("/api/chat", { method: "POST", headers, body, signal });
  let last = "";
  for await (const event of events(response.body)) {
    signal.throwIfAborted();
    handle(turn, event);
    last = event.type;
  }
  if (last !== "run.finished" && last !== "run.failed") turn.end({ problem: LOST });
}

async function loadThread(id) {
  threadId = id;
  find("welcome").hidden = true;
  try {
    replay(await (await call(`/api/threads/${encodeURIComponent(id)}`)).json());
  } catch (error) {
    find("log").append(make("li", {}, failure(error)));
  }
  toEnd();
}

function replay({ messages, runs }) {
  const turns = [];
  for (const { role, content, tool_calls: calls, ...tool } of messages) {
    if (role === "user") turns.push(new Turn(find("log"), content));
    const turn = turns.at(-1);
    if (role === "tool") turn?.finishTool({ ...tool, result: content });
    if (role !== "assistant") continue;
    turn?.complete(content);
    for (const each of calls ?? []) turn?.startTool({ ...each, tool_call_id: each.id });
  }
  if (runs.at(-1)?.model === REHEARSAL.model) showNotice(REHEARSAL.notice); // a stored thread brings no notice of its own
  const matched = runs.length === turns.length; // a message carries no run id
  turns.forEach((turn, index) => {
    const { model: asked = "", cost_usd: cost, status, error } = matched ? runs[index] : {};
    turn.usage.asked = asked;
    turn.end({ cost, problem: status === "failed" ? (error ?? { message: "This run failed." }) : undefined });
  });
}

function start() {
  if (!key()) return lock("bin/pilothouse up prints an address that carries it.");
  document.body.classList.remove("locked");
  find("log").replaceChildren();
  const asked = new URLSearchParams(location.search).get("thread");
  if (asked) loadThread(asked);
  else startOver();
  panel.refresh();
}

function grow() {
  const field = find("message");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

function send(event) {
  event.preventDefault();
  const message = find("message").value.trim();
  if (!message || running) return;
  find("message").value = "";
  grow();
  ask(message);
}

function useKey(event) {
  event.preventDefault();
  sessionStorage.setItem(KEY, find("key").value.trim());
  find("key").value = "";
  start();
}

find("message").addEventListener("input", grow);
find("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
});
find("composer").addEventListener("submit", send);
find("key-form").addEventListener("submit", useKey);
find("new-thread").addEventListener("click", startOver);
addEventListener("hashchange", () => {
  takeKeyFromAddress();
  start();
});
for (const text of SUGGESTIONS) {
  const button = make("button", { class: "quiet", type: "button", text });
  button.addEventListener("click", () => ask(text));
  find("suggestions").append(make("li", {}, button));
}
find("bot").open = matchMedia("(min-width: 861px)").matches;
takeKeyFromAddress();
panel.watch({ call, hasKey: () => Boolean(key()) });
start();
