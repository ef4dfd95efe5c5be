// What the page shows, in one place; whoever paints a part of it says which parts it needs.

import type { Check, Widths } from "./contract";

export type Tab = "drawing" | "layers" | "field" | "memory" | "suggestions" | "compare" | "runs";

export interface State {
  file: string;
  /** The last answer about a text, which may be older than the text in the editor: then `stale`. */
  check: Check | null;
  /** The last answer with facts, to be shown greyed while the text cannot be analysed. */
  good: Check | null;
  stale: boolean;
  /** Rows of the table under the pointer, and those that are chosen. */
  hover: readonly number[];
  chosen: readonly number[];
  /** Folded groups of the drawing; null: as the analyser thinks best. */
  folded: string[] | null;
  widths: Widths;
  tab: Tab;
  /** What the analyser is doing, where it cannot answer yet. */
  engine: string;
}

type Key = keyof State;

export class Store {
  private watchers: { keys: readonly Key[]; paint: () => void }[] = [];

  constructor(private state: State) {}

  get<K extends Key>(key: K): State[K] {
    return this.state[key];
  }

  set(changes: Partial<State>): void {
    const changed = (Object.keys(changes) as Key[]).filter((key) => changes[key] !== this.state[key]);
    if (!changed.length) return;
    this.state = { ...this.state, ...changes };
    for (const watcher of this.watchers) if (watcher.keys.some((key) => changed.includes(key))) watcher.paint();
  }

  /** Paints now, and whenever one of these parts changes. */
  watch(keys: readonly Key[], paint: () => void): void {
    this.watchers.push({ keys, paint });
    paint();
  }
}

/** The answer whose facts are shown. */
export function shown(store: Store): Check | null {
  const check = store.get("check");
  return check?.analysed ? check : (store.get("good") ?? check);
}

/** Whether the facts shown are those of an older text. */
export function greyed(store: Store): boolean {
  const check = store.get("check");
  return store.get("stale") || (!!check && !check.analysed && !!store.get("good"));
}
