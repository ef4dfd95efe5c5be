// The YAML in CodeMirror: findings, fixes, completion, manuals, and the facts of each block at the end of its line.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, undo, undoDepth } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Action, type Diagnostic as Shown, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip,
  keymap, lineNumbers, WidgetType,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

import type { Change, Check, Completions, Diagnostic, Fix, Hover } from "./contract";
import { h } from "./dom";
import { markdown } from "./markdown";

export interface Hooks {
  changed(text: string): void;
  moved(offset: number): void;
  pointed(offset: number | null): void;
  complete(text: string, at: number): Promise<Completions | null>;
  hover(text: string, at: number): Promise<Hover | null>;
  explain(code: string): void;
}

export interface Editor {
  readonly view: EditorView;
  text(): string;
  /** Another text, as one step that can be undone. */
  replace(text: string): void;
  apply(changes: Change[]): void;
  show(check: Check | null, fixes: readonly Fix[]): void;
  /** `words` are stretches on lines that have several blocks. */
  mark(lines: { chosen: readonly number[]; hover: readonly number[]; words: readonly [number, number][] }): void;
  goTo(from: number, to?: number): void;
  goToLine(line: number): void;
  undo(): boolean;
  redo(): boolean;
  canUndo(): boolean;
}

class Hint extends WidgetType {
  constructor(private words: string) {
    super();
  }

  override eq(other: Hint): boolean {
    return other.words === this.words;
  }

  toDOM(): HTMLElement {
    return h("span", { class: "cm-hint", "aria-hidden": "true" }, this.words);
  }
}

const setHints = StateEffect.define<DecorationSet>();
const setMarks = StateEffect.define<DecorationSet>();

/** Decorations that an effect replaces and that move along with the text. */
function decorations(effect: typeof setHints): Extension {
  return StateField.define<DecorationSet>({
    create: () => Decoration.none,
    update(found, transaction) {
      for (const each of transaction.effects) if (each.is(effect)) return each.value;
      return found.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--key)" },
  { tag: tags.comment, color: "var(--pale)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--string)" },
  { tag: [tags.keyword, tags.bool, tags.null, tags.number], color: "var(--string)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--pale)" },
]);

export function editor(parent: Element, text: string, nonce: string, hooks: Hooks): Editor {
  const state = EditorState.create({
    doc: text,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), bracketMatching(), closeBrackets(),
      highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(),
      indentUnit.of("  "),
      yaml(), syntaxHighlighting(colours),
      EditorView.contentAttributes.of({ "aria-label": "YAML of the architecture", spellcheck: "false" }),
      autocompletion({ override: [(context) => complete(context, hooks)], icons: false }),
      hoverTooltip(async (view, at) => tooltip(await hooks.hover(view.state.doc.toString(), at)), { hoverTime: 450 }),
      decorations(setHints), decorations(setMarks),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
        ...completionKeymap, ...lintKeymap, indentWithTab]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) hooks.changed(update.state.doc.toString());
        if (update.selectionSet || update.docChanged) hooks.moved(update.state.selection.main.head);
      }),
      EditorView.domEventHandlers({
        mousemove: (event, view) => hooks.pointed(view.posAtCoords({ x: event.clientX, y: event.clientY })),
        mouseleave: () => hooks.pointed(null),
      }),
    ],
  });
  const view = new EditorView({ state, parent });
  return new CodeMirror(view, hooks);
}

class CodeMirror implements Editor {
  constructor(readonly view: EditorView, private hooks: Hooks) {}

  text(): string {
    return this.view.state.doc.toString();
  }

  replace(text: string): void {
    const length = this.view.state.doc.length;
    this.view.dispatch({ changes: { from: 0, to: length, insert: text }, selection: { anchor: 0 }, scrollIntoView: true,
      annotations: Transaction.userEvent.of("input.replace") });
  }

  apply(changes: Change[]): void {
    const length = this.view.state.doc.length;
    if (changes.some((change) => change.to > length)) return;
    this.view.dispatch({ changes, annotations: Transaction.userEvent.of("input.fix") });
    if (changes[0]) this.goTo(Math.min(changes[0].from, this.view.state.doc.length));
  }

  show(check: Check | null, fixes: readonly Fix[]): void {
    const { doc } = this.view.state;
    const hints = (check?.hints ?? []).filter((hint) => hint.line >= 1 && hint.line <= doc.lines);
    const widgets = hints.map((hint) =>
      Decoration.widget({ widget: new Hint(hint.text), side: 1 }).range(doc.line(hint.line).to));
    const found = (check?.diagnostics ?? []).map((each, index) =>
      shown(each, fixes.filter((fix) => fix.diagnostic === index), doc.length, this.hooks, this));
    this.view.dispatch({ effects: setHints.of(Decoration.set(widgets, true)) });
    this.view.dispatch(setDiagnostics(this.view.state, found));
  }

  mark({ chosen, hover, words }: Parameters<Editor["mark"]>[0]): void {
    const { doc } = this.view.state;
    const marks = new Map<number, string>();
    for (const line of chosen) marks.set(line, "cm-chosen");
    for (const line of hover) marks.set(line, marks.has(line) ? "cm-chosen cm-pointed" : "cm-pointed");
    const ranges = [...marks].filter(([line]) => line >= 1 && line <= doc.lines)
      .map(([line, name]) => Decoration.line({ class: name }).range(doc.line(line).from));
    for (const [from, to] of words) if (from < to && to <= doc.length) ranges.push(Decoration.mark({ class: "cm-own" }).range(from, to));
    this.view.dispatch({ effects: setMarks.of(Decoration.set(ranges, true)) });
  }

  goTo(from: number, to = from): void {
    const { length } = this.view.state.doc;
    const selection = { anchor: Math.min(from, length), head: Math.min(to, length) };
    this.view.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: "center" }) });
    this.view.focus();
  }

  goToLine(line: number): void {
    const { doc } = this.view.state;
    if (line >= 1 && line <= doc.lines) {
      const found = doc.line(line);
      this.goTo(found.from + (/^\s*/.exec(found.text)?.[0].length ?? 0));
    }
  }

  undo(): boolean {
    return undo(this.view);
  }

  redo(): boolean {
    return redo(this.view);
  }

  canUndo(): boolean {
    return undoDepth(this.view.state) > 0;
  }
}

function shown(found: Diagnostic, fixes: readonly Fix[], length: number, hooks: Hooks, own: Editor): Shown {
  const from = Math.min(found.from, length);
  const actions: Action[] = fixes.map((fix) => ({ name: fix.title, apply: () => own.apply(fix.changes) }));
  actions.push({ name: `Manual of ${found.code}`, apply: () => hooks.explain(found.code) });
  return {
    from,
    to: Math.min(Math.max(found.to, from), length),
    severity: found.severity,
    message: found.message,
    renderMessage: () => h("div", { class: "finding-words" }, h("b", {}, found.code), ` ${found.message}`,
      found.hint ? h("div", { class: "hint" }, found.hint) : null),
    actions,
  };
}

async function complete(context: CompletionContext, hooks: Hooks) {
  const word = context.matchBefore(/[\w.]+/);
  if (!word && !context.explicit && !/[:\-,[{]\s$/.test(context.state.sliceDoc(context.pos - 2, context.pos))) return null;
  const found = await hooks.complete(context.state.doc.toString(), context.pos);
  if (!found?.options?.length || context.aborted) return null;
  return {
    from: found.from,
    to: found.to,
    options: found.options.map((option, order) => ({
      label: option.label,
      apply: option.insert,
      detail: option.kind,
      boost: -order / found.options.length,
      info: option.info ? () => markdown(option.info) : undefined,
    })),
    validFor: /^[\w.]*$/,
  };
}

function tooltip(found: Hover | null) {
  if (!found?.markdown) return null;
  return {
    pos: found.from,
    end: found.to,
    above: true,
    create: () => ({ dom: h("div", { class: "cm-manual" }, markdown(found.markdown)) }),
  };
}
