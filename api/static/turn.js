// One question and everything that came of it, as its run tells it.

import { failure, make, renderText } from "./view.js";

const spoken = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const brief = (given) => (given && typeof given === "object" ? Object.values(given).map(spoken).join(", ") : spoken(given ?? ""));
const dollars = (value) => `$${Number(value).toFixed(6).replace(/(\.\d\d\d*?)0+$/, "$1")}`;

function pretty(value) {
  try {
    return JSON.stringify(typeof value === "string" ? JSON.parse(value) : value, null, 2);
  } catch {
    return value; // text that is not JSON
  }
}

const TOLD = {
  "run.started": (turn) => turn.begin(),
  "node.started": (turn, { node }) => turn.step(node),
  "node.finished": () => {},
  "message.delta": (turn, { message_id: id, text }) => turn.delta(id, text),
  "message.completed": (turn, { message_id: id, text }) => turn.complete(id, text),
  "tool.started": (turn, event) => turn.startTool(event),
  "tool.finished": (turn, event) => turn.finishTool(event),
  "approval.requested": (turn) => (turn.awaitsApproval = true), // a message says for what
  "checkpoint.saved": () => {},
  "usage.recorded": (turn, event) => turn.addUsage(event),
  "run.finished": (turn, { answer, cost_usd: cost }) => {
    if (!turn.spoke) turn.complete("", answer);
    turn.end({ cost });
  },
  "run.failed": (turn, { error }) => turn.end({ problem: error }),
  "run.cancelled": (turn, { kept }) => turn.end({ note: kept ? "Cancelled. What it did so far stays in the thread." : "Cancelled. Nothing of it stays in the thread." }),
};

export class Turn {
  usage = new Map(); // by step, as the tools are: what is told again is shown once
  tools = new Map();
  trail = [];
  model = "";

  constructor(log, question) {
    this.root = make("li", { class: "from-assistant", "aria-live": "polite", "aria-busy": "true" });
    this.steps = make("p", { class: "steps", "aria-hidden": "true", text: "setting off" });
    this.root.append(this.steps);
    log.append(make("li", { class: "from-user", text: question }), this.root);
  }

  tell(event) {
    TOLD[event.type]?.(this, event);
  }

  begin() {
    if (this.begun) this.steps.textContent = "it was interrupted and goes on";
    this.begun = true;
    this.drop();
  }

  lost() {
    this.steps.textContent = "the connection broke; trying again";
  }

  add(element) {
    this.steps.before(element);
    return element;
  }

  step(node) {
    this.trail = [...this.trail, node].slice(-4);
    this.steps.textContent = this.trail.join(" → ");
  }

  delta(id, text) {
    if (this.open?.id !== id) this.drop();
    this.open ??= { id, element: this.add(make("div", { class: "text" })), text: "" };
    this.open.text += text;
    this.frame ??= requestAnimationFrame(() => this.paint()); // one paint a frame, however many words come
  }

  paint() {
    this.frame = undefined;
    if (this.open) renderText(this.open.element, this.open.text);
  }

  complete(id, text) {
    this.delta(id, "");
    this.open.text = text;
    this.paint();
    this.open = undefined;
    this.spoke = true;
  }

  /** Words of a message that never became whole: whoever goes on with the run says them again. */
  drop() {
    this.open?.element.remove();
    this.open = undefined;
  }

  startTool({ step, tool_call_id: id, name, arguments: given = {} }) {
    if (this.tools.has(step)) return;
    const state = make("span", { class: "state", text: "running" });
    const heading = [make("span", { class: "name", text: name }), make("span", { class: "brief", text: brief(given) }), state];
    const card = make("details", { class: "tool" }, make("summary", {}, ...heading));
    card.append(make("h3", { text: "Arguments" }), make("pre", { tabindex: "0", text: pretty(given) }));
    this.tools.set(step ?? id, { card: this.add(card), state });
  }

  finishTool({ step, tool_call_id: id, name, status, result }) {
    if (!this.tools.has(step ?? id)) this.startTool({ step, tool_call_id: id, name });
    const { card, state } = this.tools.get(step ?? id);
    if (card.dataset.state) return;
    card.dataset.state = status ?? "unknown";
    state.textContent = { ok: "done", error: "failed" }[status] ?? "answered";
    card.append(make("h3", { text: "Result" }), make("pre", { tabindex: "0", text: pretty(result ?? "") }));
  }

  addUsage(event) {
    this.model = event.asked_model;
    this.usage.set(event.step ?? this.usage.size, event);
  }

  end({ problem, note, cost } = {}) {
    if (problem || note) this.open?.element.classList.add("cut"); // words that were never accepted as a message
    this.paint();
    this.open = undefined;
    if (problem) this.add(failure(problem));
    if (note) this.add(make("p", { class: "meta", text: note }));
    if (this.model) this.add(make("p", { class: "meta", text: this.account(cost) }));
    this.steps.remove();
    this.root.setAttribute("aria-busy", "false");
  }

  /** As its run was stored, whose events are not told again. */
  endAs({ model, cost_usd: cost, status, error }) {
    this.model = model;
    const problem = status === "failed" ? (error ?? { message: "This run failed." }) : undefined;
    this.end({ cost, problem, note: status === "cancelled" ? "Cancelled." : undefined });
  }

  account(cost) {
    const calls = [...this.usage.values()];
    const { served_model: served, provider } = calls.at(-1) ?? {};
    const sum = (...names) => calls.reduce((total, call) => names.reduce((each, name) => each + Number(call[name] ?? 0), total), 0);
    const tokens = sum("prompt_tokens", "completion_tokens");
    const attempts = sum("attempts");
    const by = [served && served !== this.model ? `asked ${this.model}, served by ${served}` : this.model, provider && `via ${provider}`, attempts > calls.length && `after ${attempts - calls.length} retries`];
    return [by.filter(Boolean).join(" "), tokens && `${tokens.toLocaleString()} tokens`, dollars(cost ?? sum("cost_usd"))].filter(Boolean).join(" · ");
  }
}
