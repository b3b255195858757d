// The side of the page: health dot and bot panel, each with the age of what it shows.

import { find, make } from "./view.js";

const EVERY_MS = 10_000;

let call, hasKey;
let seenAt = null;

const amount = (value) => Number(value).toLocaleString(undefined, { maximumFractionDigits: 2 });
const percent = (ratio) => `${ratio >= 0 ? "+" : "−"}${Math.abs(ratio * 100).toFixed(2)} %`;

function figure(name, value, exact) {
  return [make("dt", { text: name }), make("dd", { text: value, title: exact ?? value })];
}

function showBalance({ currency, total, free, in_trades: inTrades, dry_run: dryRun }) {
  const rows = [["Balance", total], ["Free", free], ["In trades", inTrades]];
  find("balance").replaceChildren(...rows.flatMap(([name, value]) => figure(name, `${amount(value)} ${currency}`, `${value} ${currency}`)));
  find("bot-mode").hidden = dryRun === undefined;
  find("bot-mode").textContent = dryRun ? "dry run" : "live";
}

function showTrades({ trades }) {
  const rows = trades.map(({ pair, stake_amount: stake, profit_ratio: ratio, profit_abs: profit }) =>
    make("li", {}, make("span", { text: pair }),
      make("span", { text: percent(Number(ratio)), class: Number(ratio) < 0 ? "loss" : "gain", title: profit }),
      make("small", { text: `stake ${amount(stake)}` })));
  find("trades").replaceChildren(...(rows.length ? rows : [make("li", {}, make("small", { text: "None right now." }))]));
}

async function refreshBot() {
  try {
    const [status, balance] = await Promise.all(["status", "balance"].map(async (name) => (await call(`/api/trading/${name}`)).json()));
    showTrades(status);
    showBalance(balance);
    seenAt = Date.now();
    find("bot-problem").hidden = true;
  } catch (error) {
    find("bot-problem").textContent = [error.message, error.hint].filter(Boolean).join(" ");
    find("bot-problem").hidden = false;
  }
  tick();
}

async function refreshHealth() {
  const view = await call("/health/ready").then((response) => response.json()).catch((error) => error.body);
  const state = view?.status ?? "unknown";
  find("health").dataset.state = state;
  find("health-word").textContent = { ok: "all well", degraded: "degraded", down: "down" }[state] ?? "no answer";
  const parts = (view?.dependencies ?? []).flatMap(({ name, state: each, latency_ms: ms, detail }) => figure(name, each === "ok" ? `${ms} ms` : each, detail || each));
  find("health-parts").replaceChildren(...(parts.length ? parts : [make("dt", { text: "nothing known yet" })]));
}

function tick() {
  const seconds = seenAt === null ? null : Math.round((Date.now() - seenAt) / 1000);
  find("bot-age").textContent = seconds === null ? "no data yet" : seconds < 2 ? "just now" : seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

export const panel = {
  watch(given) {
    ({ call, hasKey } = given);
    setInterval(tick, 1_000);
    setInterval(panel.refresh, EVERY_MS);
    document.addEventListener("visibilitychange", panel.refresh);
  },
  refresh() {
    if (document.hidden || !hasKey()) return;
    refreshBot();
    refreshHealth();
  },
};
