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

export function failure({ message, hint }) {
  return make("div", { class: "failure", role: "alert" }, make("strong", { text: message }), make("p", { text: hint ?? "" }));
}
