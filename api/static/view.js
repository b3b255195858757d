// What a conversation looks like. Model text is untrusted: everything is set by textContent.

export const find = (id) => document.getElementById(id);

export function make(tag, { text = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(text, ...children);
  return element;
}

const INLINE = /(`[^`\n]+`|\*\*[^*\n]+\*\*)/;

function inline(part) {
  if (/^`[^`]+`$/.test(part)) return make("code", { text: part.slice(1, -1) });
  if (/^\*\*[^*]+\*\*$/.test(part)) return make("strong", { text: part.slice(2, -2) });
  return part;
}

function paragraphs(text) {
  const parts = text.split(/\n{2,}/).map((part) => part.trim()).filter(Boolean);
  return parts.map((part) => (/^\|.*\|\n\|[\s:|-]+\|/.test(part) ? table(part) : make("p", {}, ...part.split(INLINE).map(inline))));
}

function table(text) {
  const [head, , ...rows] = text.split("\n").map((line) => line.replace(/^\||\|\s*$/g, "").split("|"));
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell) => make(tag, {}, ...cell.trim().split(INLINE).map(inline))));
  return make("div", { class: "wide", tabindex: "0" }, make("table", {}, row(head, "th"), ...rows.map((cells) => row(cells, "td"))));
}

export function renderText(element, text) {
  const parts = text.split(/^```[^\n]*\n?/m); // every second part was fenced
  element.replaceChildren(...parts.flatMap((part, index) => (index % 2 ? block(part.trimEnd()) : paragraphs(part))));
}

const block = (text) => make("pre", { tabindex: "0" }, make("code", { text }));
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

export function failure({ message, hint }) {
  return make("div", { class: "failure", role: "alert" }, make("strong", { text: message }), make("p", { text: hint ?? "" }));
}

/** One question and everything that came of it. */
export class Turn {
  usage = { asked: "", served: "", provider: "", cost: 0, tokens: 0 };
  tools = new Map();
  trail = [];

  constructor(log, question) {
    this.root = make("li", { class: "from-assistant", "aria-live": "polite", "aria-busy": "true" });
    this.steps = make("p", { class: "steps", "aria-hidden": "true", text: "setting off" });
    this.root.append(this.steps);
    log.append(make("li", { class: "from-user", text: question }), this.root);
  }

  add(element) {
    this.steps.before(element);
    return element;
  }

  step(node) {
    this.trail = [...this.trail, node].slice(-4);
    this.steps.textContent = this.trail.join(" → ");
  }

  delta(text) {
    this.open ??= { element: this.add(make("div", { class: "text" })), text: "" };
    this.open.text += text;
    this.frame ??= requestAnimationFrame(() => this.paint()); // one paint a frame, however many words come
  }

  paint() {
    this.frame = undefined;
    if (this.open) renderText(this.open.element, this.open.text);
  }

  complete(text) {
    if (text) this.delta("");
    if (!this.open) return;
    this.open.text = text || this.open.text;
    this.paint();
    this.open = undefined;
    this.spoke = true;
  }

  startTool({ tool_call_id: id, name, arguments: given = {} }) {
    this.complete("");
    const state = make("span", { class: "state", text: "running" });
    const heading = [make("span", { class: "name", text: name }), make("span", { class: "brief", text: brief(given) }), state];
    const card = make("details", { class: "tool" }, make("summary", {}, ...heading));
    card.append(make("h3", { text: "Arguments" }), make("pre", { tabindex: "0", text: pretty(given) }));
    this.tools.set(id, { card: this.add(card), state });
  }

  finishTool({ tool_call_id: id, name, status, result }) {
    if (!this.tools.has(id)) this.startTool({ tool_call_id: id, name });
    const { card, state } = this.tools.get(id);
    card.dataset.state = status ?? "unknown";
    state.textContent = { ok: "done", error: "failed" }[status] ?? "answered";
    card.append(make("h3", { text: "Result" }), make("pre", { tabindex: "0", text: pretty(result ?? "") }));
  }

  addUsage({ asked_model: asked, served_model: served, provider, prompt_tokens: prompt, completion_tokens: completion, cost_usd: cost }) {
    const tokens = this.usage.tokens + (prompt ?? 0) + (completion ?? 0);
    this.usage = { asked, served, provider, tokens, cost: this.usage.cost + Number(cost ?? 0) };
  }

  end({ problem, cost = this.usage.cost } = {}) {
    const { asked, served, provider, tokens } = this.usage;
    const by = [served && served !== asked ? `asked ${asked}, served by ${served}` : asked, provider && `via ${provider}`];
    const line = [by.filter(Boolean).join(" "), tokens && `${tokens.toLocaleString()} tokens`, dollars(cost)];
    if (problem) this.open?.element.classList.add("cut"); // words that were never accepted as a message
    this.complete("");
    if (problem) this.add(failure(problem));
    if (asked) this.add(make("p", { class: "meta", text: line.filter(Boolean).join(" · ") }));
    this.steps.remove();
    this.root.setAttribute("aria-busy", "false");
  }
}
