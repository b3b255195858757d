// The page: takes the key, holds the thread, hands events to the view. Nothing is loaded from elsewhere.

import { panel } from "./panel.js";
import { cancel, follow, start } from "./run.js";
import { request } from "./stream.js";
import { Turn } from "./turn.js";
import { failure, find, make } from "./view.js";

const KEY = "pilothouse-key";
const REHEARSAL = { model: "pilothouse/rehearsal", notice: "rehearsal model: set OPENROUTER_API_KEY for a real one" };
const SUGGESTIONS = [
  "How is my bot doing?",
  "How much profit did I make so far?",
  "Remember that I never want more than three open trades",
  "What did I tell you about open trades?",
];

const LOOK_EVERY_MS = 2000;

let threadId = null;
let current = null; // the run whose answer is arriving, and how to leave it

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

function showBusy(busy) {
  find("send").hidden = busy;
  find("cancel").hidden = !busy;
  find("cancel").disabled = true; // until the run has an id
}

/** The run goes on without us. */
function leave() {
  current?.leaving.abort();
  current = null;
  showBusy(false);
}

function startOver() {
  leave();
  showThread(null);
  find("log").replaceChildren();
  find("welcome").hidden = false;
  find("message").focus();
}

function handle(turn, event) {
  const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 160;
  if (event.type === "run.started") showNotice(event.notice);
  turn.tell(event);
  if (atEnd) toEnd();
}

function ask(message) {
  const turn = new Turn(find("log"), message);
  find("welcome").hidden = true;
  toEnd();
  attend(turn, (options) => start(call, { message, ...(threadId && { thread_id: threadId }) }, options));
}

/** Be there until the run that `obtain` gives has ended. */
async function attend(turn, obtain) {
  const mine = (current = { leaving: new AbortController() });
  const { signal } = mine.leaving;
  const options = { signal, onBreak: () => turn.lost() };
  showBusy(true);
  try {
    const run = await obtain(options);
    signal.throwIfAborted();
    mine.runId = run.run_id;
    showThread(run.thread_id);
    find("cancel").disabled = false;
    for await (const event of follow(call, run.run_id, options)) handle(turn, event);
    if (turn.awaitsApproval) setTimeout(hearFate, LOOK_EVERY_MS, threadId, Date.now());
  } catch (error) {
    if (signal.aborted) return;
    turn.end({ problem: error });
    toEnd();
  }
  leave();
}

/** What became of a proposal is told by a run of its own, however long the decision takes. */
async function hearFate(id, since) {
  if (threadId !== id) return; // whoever comes back to the thread reads it there
  const again = () => setTimeout(hearFate, LOOK_EVERY_MS, id, since);
  if (current) return again();
  try {
    const runs = await (await call("/api/runs?limit=20")).json();
    const told = runs.find((run) => run.thread_id === id && run.tells_of && Date.parse(run.created_at) > since - LOOK_EVERY_MS);
    if (!told || threadId !== id || current) return again();
    attend(new Turn(find("log"), told.message), async () => told);
  } catch (error) {
    if (error.status !== 401) again();
  }
}

async function cancelCurrent() {
  find("cancel").disabled = true;
  try {
    await cancel(call, current.runId);
  } catch (error) {
    showNotice(`It could not be cancelled: ${error.message}`);
    find("cancel").disabled = false;
  }
}

async function loadThread(id) {
  leave();
  threadId = id;
  find("welcome").hidden = true;
  try {
    const thread = await (await call(`/api/threads/${encodeURIComponent(id)}`)).json();
    await replay(thread, () => threadId === id);
  } catch (error) {
    find("log").append(make("li", {}, failure(error)));
  }
  toEnd();
}

async function replay({ messages, runs }, isShown) {
  const turns = new Map(runs.map((run) => [run.run_id, new Turn(find("log"), run.message)]));
  for (const { run_id: runId, role, content, tool_calls: calls, ...tool } of messages) {
    const turn = turns.get(runId);
    if (role === "tool") turn?.finishTool({ ...tool, result: content });
    if (role === "assistant" && content) turn?.complete("", content);
    for (const each of calls ?? []) turn?.startTool({ ...each, tool_call_id: each.id });
  }
  if (runs.at(-1)?.model === REHEARSAL.model) showNotice(REHEARSAL.notice); // a stored thread brings no notice of its own
  for (const run of runs.filter((each) => each.ended_at)) turns.get(run.run_id).endAs(run);
  toEnd();
  for (const run of runs.filter((each) => !each.ended_at)) if (isShown()) await attend(turns.get(run.run_id), async () => run);
}

function enter() {
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
  if (!message || current) return;
  find("message").value = "";
  grow();
  ask(message);
}

function useKey(event) {
  event.preventDefault();
  sessionStorage.setItem(KEY, find("key").value.trim());
  find("key").value = "";
  enter();
}

find("message").addEventListener("input", grow);
find("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
});
find("composer").addEventListener("submit", send);
find("key-form").addEventListener("submit", useKey);
find("cancel").addEventListener("click", cancelCurrent);
find("new-thread").addEventListener("click", startOver);
addEventListener("hashchange", () => {
  takeKeyFromAddress();
  enter();
});
for (const text of SUGGESTIONS) {
  const button = make("button", { class: "quiet", type: "button", text });
  button.addEventListener("click", () => current || ask(text));
  find("suggestions").append(make("li", {}, button));
}
find("bot").open = matchMedia("(min-width: 861px)").matches;
takeKeyFromAddress();
panel.watch({ call, hasKey: () => Boolean(key()) });
enter();
