// What is wrong, in words, under the editor: each finding goes to its place, and can be mended where a remedy is known.

import type { Check, Diagnostic, Fix } from "../contract";
import { button, fill, h, plural } from "../dom";
import type { Store } from "../store";

export interface Doing {
  go(found: Diagnostic): void;
  apply(fix: Fix): void;
  explain(code: string): void;
  suggest(): void;
}

const MOST = 60; // findings in the list; the others are counted

export class Findings {
  readonly root = h("section", { class: "findings", "aria-label": "Findings" });
  private list = h("ul", {});
  private head = h("p", { class: "findings-head", role: "status" });

  constructor(private store: Store, private doing: Doing) {
    this.root.append(this.head, this.list);
    this.show([]);
  }

  show(fixes: readonly Fix[]): void {
    const check = this.store.get("check");
    const found = check?.diagnostics ?? [];
    this.root.classList.toggle("none", !found.length);
    fill(this.head, headline(check), check?.analysed && !check.ok
      ? button("Find edits that mend it", () => this.doing.suggest(), { class: "small strong" }) : null);
    fill(this.list,
      ...found.slice(0, MOST).map((each, index) => this.finding(each, fixes.filter((fix) => fix.diagnostic === index))),
      found.length > MOST ? h("li", { class: "pale" }, `and ${plural(found.length - MOST, "other")}`) : null);
  }

  private finding(found: Diagnostic, fixes: readonly Fix[]): HTMLElement {
    const where = found.elsewhere ? `${found.file}:${found.line}` : found.line ? `line ${found.line}` : "";
    return h("li", { class: found.severity },
      h("span", { class: "mark", "aria-hidden": "true" }, found.severity === "error" ? "✗" : "!"),
      h("div", {},
        button(h("span", {}, found.message), () => this.doing.go(found),
          { class: "link words", "aria-label": `${found.severity}: ${found.message}, ${where}` }),
        found.hint ? h("p", { class: "hint" }, found.hint) : null,
        h("p", { class: "doing" },
          ...fixes.map((fix) => button(fix.title, () => this.doing.apply(fix), { class: fix.preferred ? "small strong" : "small" })),
          button(found.code, () => this.doing.explain(found.code),
            { class: "link code", "aria-label": `Manual of ${found.code}`, title: found.title }),
          h("span", { class: "pale" }, where))));
  }
}

function headline(check: Check | null): Node | string {
  if (!check) return "";
  if (check.error) return check.error;
  return check.diagnostics.length ? h("b", {}, check.summary) : "No problems";
}
