// Edits that the analyser has computed and checked, as diffs; one of them is applied as one step that can be undone.

import type { Suggestion, Suggestions } from "../contract";
import { button, fill, h } from "../dom";

export interface Searching {
  search(): Promise<Suggestions | null>;
  apply(found: Suggestion): void;
}

export class SuggestionsView {
  readonly root = h("div", { class: "suggestions scroll" });

  constructor(private searching: Searching) {
    this.idle("");
  }

  /** Nothing was searched for this text yet, or nothing need be. */
  idle(words: string): void {
    fill(this.root, h("p", { class: "pale empty" }, words || "Where a limit or a rule is missed, edits that mend it are searched for here."));
  }

  async search(): Promise<number> {
    fill(this.root, h("p", { class: "pale empty", role: "status" }, "Edits are being tried …"));
    const found = await this.searching.search();
    if (!found) return 0;
    if (found.error) {
      this.idle(found.error);
      return 0;
    }
    fill(this.root, h("p", { class: "headline" }, found.headline),
      ...found.suggestions.map((each, number) => this.card(each, `${number + 1}. `)),
      found.nearest?.diff ? this.card(found.nearest, "Nearest: ", found.missing) : null,
      ...found.notes.map((note) => h("p", { class: "pale" }, note)));
    return found.suggestions.length;
  }

  private card(found: Suggestion, lead: string, missing: string[] = []): HTMLElement {
    return h("article", { class: "suggestion" },
      h("h3", {}, lead + found.title),
      h("p", { class: "effects" }, ...found.effects.map((effect) => h("span", {}, effect))),
      ...found.warnings.map((warning) => h("p", { class: "hint" }, `new warning: ${warning}`)),
      ...missing.map((each) => h("p", { class: "missed" }, `still missed: ${each}`)),
      diff(found.diff),
      h("p", {}, button("Apply", () => this.searching.apply(found), { class: "strong", "aria-label": `Apply: ${found.title}` })));
  }
}

function diff(text: string): HTMLElement {
  const lines = text.split("\n").filter((line) => line && !/^(---|\+\+\+) /.test(line));
  return h("pre", { class: "diff" }, ...lines.map((line) => {
    const kind = line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : line.startsWith("@@") ? "at" : "";
    return h("span", { class: kind }, `${line}\n`);
  }));
}
