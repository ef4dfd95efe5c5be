// The totals as figures, and each limit, rule and goal as a bar with what is left of it.

import type { Budget, Check } from "../contract";
import { bytes, button, fill, grouped, h, human, plural } from "../dom";
import { greyed, shown, type Store } from "../store";

export function facts(store: Store, go: (budget: Budget) => void): HTMLElement {
  const figures = h("dl", { class: "figures" });
  const bars = h("div", { class: "budgets" });
  const root = h("section", { class: "facts", "aria-label": "Totals and limits" }, figures, bars);
  const open = new Set<string>();
  store.watch(["check", "good", "stale"], () => {
    const check = shown(store);
    root.classList.toggle("old", greyed(store));
    root.hidden = !check?.totals;
    if (!check?.totals) return;
    fill(figures, ...totals(check));
    fill(bars, ...groups(check.budgets, go, open));
  });
  return root;
}

function totals(check: Check): HTMLElement[] {
  const found = check.totals!;
  const field = found.receptive_field;
  const more = found.receptive_field_with_gap;
  return [
    figure("Parameters", grouped(found.params), bytes(found.weight_bytes)),
    figure("MACs", human(found.macs), "for one image"),
    figure("Receptive field", field ? by(field) : "unknown",
      more && field && by(more) !== by(field) ? `${by(more)} with the pool` : found.status),
    figure("Peak memory", bytes(found.peak_bytes), "of activations"),
    figure("Layers", grouped(found.layers), `${found.input.join("×")} → ${found.output.join("×")}`),
  ];
}

export function by(pair: readonly number[]): string {
  return pair[0] === pair[1] ? String(pair[0]) : pair.join("×");
}

function figure(title: string, value: string, note: string): HTMLElement {
  return h("div", { class: "figure" }, h("dt", {}, title), h("dd", {}, value), h("dd", { class: "note" }, note));
}

function groups(budgets: Budget[], go: (budget: Budget) => void, open: Set<string>): HTMLElement[] {
  const titles = [...new Set(budgets.map((each) => each.group))];
  return titles.map((title) => {
    const own = budgets.filter((each) => each.group === title);
    if (own[0]!.kind !== "rule") return h("div", { class: "budget-group" }, ...own.map((each) => budget(each, go)));
    const missed = own.filter((each) => !each.ok && !each.ignored);
    const details = h("details", { class: "budget-group pack" },
      h("summary", {},
        h("span", { class: missed.length ? "mark missed" : "mark ok", "aria-hidden": "true" }, missed.length ? "✗" : "✓"),
        h("b", {}, title), ` ${own.length - missed.length} of ${plural(own.length, "rule")} satisfied`),
      ...own.map((each) => budget(each, go)));
    details.open = open.has(title) || missed.length > 0;
    details.addEventListener("toggle", () => (details.open ? open.add(title) : open.delete(title)));
    return details;
  });
}

function budget(found: Budget, go: (budget: Budget) => void): HTMLElement {
  const state = found.ok ? "ok" : found.ignored ? "ignored" : found.open ? "open" : "missed";
  const words = found.words || found.message;
  const mark = { ok: "✓", ignored: "–", open: "○", missed: "✗" }[state];
  const told = `${found.name} ${found.bound}: ${words}. ${state}${found.line ? `, line ${found.line}` : ""}`;
  const inner = h("span", { class: "budget-inner" },
    h("span", { class: `mark ${state}`, "aria-hidden": "true" }, mark),
    h("span", { class: "budget-name" }, found.name.replaceAll("_", " "), found.bound ? h("i", {}, ` ${found.bound}`) : null),
    found.share === null ? null : bar(found, state),
    h("span", { class: "budget-words" }, words));
  return button(inner, () => go(found), { class: `budget ${state}`, "aria-label": told });
}

/** A bar with a notch at the bound: for an upper bound it must end before it, for a lower one reach past it. */
function bar(found: Budget, state: string): SVGElement | HTMLElement {
  const share = Math.max(0, found.share ?? 0);
  const scale = Math.max(1.12, share * 1.04);
  const fillOf = h("span", { class: `bar-fill ${state}` });
  fillOf.style.width = `${(100 * share) / scale}%`;
  const notch = h("span", { class: "bar-notch" });
  notch.style.left = `${100 / scale}%`;
  return h("span", { class: "bar", "aria-hidden": "true" }, fillOf, notch);
}
