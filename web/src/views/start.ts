// What one can start from: shipped architectures and rule packs, and `init` as a small form.

import type { InitDefaults, Starters } from "../contract";
import { button, fill, grouped, h } from "../dom";

export interface Starting {
  starters(): Promise<Starters | null>;
  size(text: string): Promise<{ params: number; error?: string } | null>;
  defaults(packs: string[]): Promise<InitDefaults | null>;
  init(wish: { packs: string[]; params: string; classes: string; input: string; name: string }): Promise<{ text?: string; error?: string; field?: string } | null>;
  take(file: string, text: string): void;
}

export class StartDialog {
  readonly root = h("dialog", { class: "start", "aria-label": "Start from" });
  private body = h("div", { class: "start-body" });
  private sizes = new Map<string, HTMLElement>(); // of the networks whose size is not known yet, by their text

  constructor(private starting: Starting) {
    this.root.append(h("header", {}, h("h2", {}, "Start from"), button("Close", () => this.root.close(), { class: "small" })), this.body);
    this.root.addEventListener("click", (event) => event.target === this.root && this.root.close());
  }

  async open(): Promise<void> {
    this.root.showModal();
    if (this.body.childElementCount) return this.measure();
    fill(this.body, h("p", { class: "pale empty", role: "status" }, "Loading …"));
    const [found, defaults] = await Promise.all([this.starting.starters(), this.starting.defaults([])]);
    if (!found || found.error) return fill(this.body, h("p", {}, found?.error ?? "The analyser does not answer yet: try again."), button("Again", () => { fill(this.body); void this.again(); }));
    fill(this.body, defaults ? this.form(defaults) : null, this.shipped(found), this.packs(found));
    await this.measure();
  }

  /** The sizes of the networks, one after the other for as long as the list is open: each is analysed for it. */
  private async measure(): Promise<void> {
    for (const [text, place] of this.sizes) {
      if (!this.root.open) return;
      const size = await this.starting.size(text);
      if (size && !size.error) fill(place, `${grouped(size.params)} parameters`);
      if (size) this.sizes.delete(text);
    }
  }

  private async again(): Promise<void> {
    this.root.close();
    await this.open();
  }

  private shipped(found: Starters): HTMLElement {
    return h("section", {}, h("h3", {}, "Architectures"),
      h("ul", { class: "cards" }, ...found.starters.map(({ name, title, text }) => {
        const size = h("i", {});
        this.sizes.set(text, size);
        return h("li", {}, button(h("span", {}, h("b", {}, name), h("span", {}, title), size),
          () => this.take(`${name.split("/").at(-1)}.yaml`, text), { class: "card" }));
      })));
  }

  private packs(found: Starters): HTMLElement {
    return h("section", {}, h("h3", {}, "Rule packs"),
      h("p", { class: "pale" }, "A pack is named in a file by rules: NAME, or asked for in the form above."),
      ...found.packs.map((pack) => h("details", {}, h("summary", {}, h("b", {}, pack.name), ` ${pack.title}`),
        h("pre", {}, pack.text))));
  }

  private form(defaults: InitDefaults): HTMLElement {
    const field = (name: string, label: string, value: string) => h("label", {}, label, h("input", { name, value, autocomplete: "off" }));
    const problem = h("p", { class: "missed", role: "alert" });
    const packs = h("select", { name: "packs", onchange: async () => {
      const found = await this.starting.defaults(packs.value ? [packs.value] : []);
      if (!found || found.error) return;
      for (const name of ["params", "classes", "input"] as const) (form.elements.namedItem(name) as HTMLInputElement).value = String(found[name]);
    } }, h("option", { value: "" }, "none"), ...defaults.packs.map((pack) => h("option", { value: pack }, pack)));
    const form = h("form", { class: "init", onsubmit: (event: Event) => { event.preventDefault(); void make(); } },
      h("label", {}, "Rule pack", packs), field("input", "Image", defaults.input), field("classes", "Classes", String(defaults.classes)),
      field("params", "Parameters, fewer than", defaults.params), field("name", "Name", "net"),
      h("button", { type: "submit", class: "strong" }, "Write a first file"));
    const make = async () => {
      const value = (name: string) => (form.elements.namedItem(name) as HTMLInputElement).value.trim();
      fill(problem, "");
      const name = value("name") || "net";
      const found = await this.starting.init({ packs: packs.value ? [packs.value] : [], params: value("params"), classes: value("classes"), input: value("input"), name });
      if (found?.text) return this.take(`${name}.yaml`, found.text);
      fill(problem, found?.error ?? "");
      if (found?.field) (form.elements.namedItem(found.field) as HTMLElement | null)?.focus();
    };
    return h("section", {}, h("h3", {}, "A new one within a budget"), form, problem);
  }

  private take(file: string, text: string): void {
    this.root.close();
    this.starting.take(file, text);
  }
}
