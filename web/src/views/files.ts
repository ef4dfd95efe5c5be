// The files of the folder that `archbuilder live` serves: one to open, or the name of a new one.

import { listing } from "../folder";
import { button, fill, h } from "../dom";

export class FilesDialog {
  readonly root = h("dialog", { class: "start files", "aria-label": "Open a file of this folder" });
  private title = h("h2", {}, "Open");
  private wanted = h("input", { type: "search", autocomplete: "off", placeholder: "part of a name, or a new one", "aria-label": "Part of a name, or the name of a new file" });
  private list = h("ul", { class: "plain" });
  private files: string[] = [];

  constructor() {
    const form = h("form", { onsubmit: (event: Event) => { event.preventDefault(); this.enter(); } }, this.wanted);
    this.root.append(h("header", {}, this.title, button("Close", () => this.root.close(), { class: "small" })), form, this.list);
    this.wanted.addEventListener("input", () => this.paint());
    this.root.addEventListener("click", (event) => event.target === this.root && this.root.close());
  }

  async show(): Promise<void> {
    this.root.showModal();
    this.wanted.focus();
    try {
      const found = await listing();
      this.files = found.files.map((file) => file.path);
      fill(this.title, `Open a file of ${found.folder}`);
      this.paint();
    } catch {
      fill(this.list, h("li", {}, "The server does not answer."));
    }
  }

  private matching(): string[] {
    const words = this.wanted.value.trim().toLowerCase();
    return this.files.filter((file) => file.toLowerCase().includes(words));
  }

  private paint(): void {
    const name = this.wanted.value.trim();
    const fresh = /\.ya?ml$/.test(name) && !this.files.includes(name);
    fill(this.list, ...this.matching().map((file) => h("li", {}, h("a", { href: to(file) }, file))),
      fresh ? h("li", {}, h("a", { href: to(name) }, `New: ${name}`)) : null,
      !this.files.length && !fresh ? h("li", { class: "pale" }, "There is no .yaml file here yet: type the name of a new one, as net.yaml.") : null);
  }

  private enter(): void {
    this.list.querySelector("a")?.click();
  }
}

/** Where a file is open: the page is loaded anew, so that no undo mixes two files. */
function to(file: string): string {
  return `?file=${encodeURIComponent(file)}`;
}
