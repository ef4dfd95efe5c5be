// Two files side by side: totals, and what each changed block did to them.

import type { Comparison } from "../contract";
import { button, chooser, fill, h } from "../dom";

export interface Other {
  name: string;
  text: string;
}

export interface Comparing {
  compare(other: Other): Promise<Comparison | null>;
  others(): Promise<Other[]>;
  goToLine(line: number): void;
}

const KINDS: Record<string, string> = { "+": "added", "-": "removed", "~": "changed", "=": "renamed" };

export class CompareView {
  readonly root = h("div", { class: "compare scroll" });
  private choice = h("select", { "aria-label": "The other file" });
  private result = h("div", {});
  private others: Other[] = [];
  private wanted = chooser(".yaml,.yml,text/*", (file) => void this.take(file));

  constructor(private comparing: Comparing) {
    this.choice.addEventListener("change", () => void this.compare());
    this.root.append(
      h("p", { class: "tools" }, h("label", {}, "Compared with ", this.choice),
        button("A file…", () => this.wanted.click(), { class: "small" }), this.wanted),
      this.result);
  }

  /** Another file to choose from, which is chosen. */
  add(other: Other): void {
    this.others = [...this.others.filter((each) => each.name !== other.name), other];
    this.fill(other.name);
  }

  async open(): Promise<void> {
    const chosen = this.choice.value;
    const own = this.others.filter((other) => other.name.startsWith("file "));
    this.others = [...(await this.comparing.others()), ...own];
    this.fill(chosen);
    await this.compare();
  }

  private fill(chosen: string): void {
    fill(this.choice, ...this.others.map((other) => h("option", { value: other.name }, other.name)));
    if (this.others.some((other) => other.name === chosen)) this.choice.value = chosen;
  }

  private async take(file: File): Promise<void> {
    const other = { name: `file ${file.name}`, text: await file.text() };
    this.others = [...this.others.filter((each) => each.name !== other.name), other];
    this.fill(other.name);
    await this.compare();
  }

  async compare(): Promise<void> {
    const other = this.others.find((each) => each.name === this.choice.value);
    if (!other) return fill(this.result, h("p", { class: "pale empty" }, "There is nothing to compare with yet."));
    const found = await this.comparing.compare(other);
    if (!found) return;
    if (found.error) return fill(this.result, h("p", { class: "pale empty" }, found.error));
    const { table, changes } = found;
    fill(this.result, this.table(table.head, table.rows),
      h("h3", {}, changes.rows.length ? "What changed" : "The blocks are the same"),
      changes.rows.length ? this.table(changes.head, changes.rows) : null);
  }

  private table(head: string[], rows: string[][]): HTMLElement {
    return h("table", { class: "plain" },
      h("thead", {}, h("tr", {}, ...head.map((cell) => h("th", { scope: "col" }, cell)))),
      h("tbody", {}, ...rows.map((row) => h("tr", { class: KINDS[row[0]!] ?? "" }, ...row.map((cell, column) =>
        head[column] === "line" && cell && row[0] !== "-"
          ? h("td", {}, button(cell, () => this.comparing.goToLine(Number(cell)), { class: "link" }))
          : h("td", {}, cell))))));
  }
}
