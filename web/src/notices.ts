// Short messages at the foot of the page, each with what can be done about it.

import { button, h } from "./dom";

export interface Choice {
  label: string;
  act(): void;
}

export class Notices {
  readonly root = h("div", { class: "notices", role: "status", "aria-live": "polite" });

  /** A message; of the same `kind` only the latest is shown.  Without `stay` it goes after a while. */
  say(words: string, { kind = words, stay = false, choices = [] as Choice[], bad = false } = {}): void {
    this.drop(kind);
    const close = () => note.remove();
    const note = h("div", { class: bad ? "notice bad" : "notice", "data-kind": kind }, h("span", {}, words),
      ...choices.map((choice) => button(choice.label, () => { close(); choice.act(); }, { class: "small strong" })),
      button("×", close, { class: "small", "aria-label": "Dismiss" }));
    this.root.append(note);
    if (!stay) setTimeout(close, 8000);
  }

  drop(kind: string): void {
    for (const old of this.root.querySelectorAll<HTMLElement>(".notice")) if (old.dataset.kind === kind) old.remove();
  }
}
