// The page as a whole: what is typed is checked at once, and every part shows what came of it.

import { fromFragment, download, toFragment } from "./address";
import { type Backend, Overtaken, type Question, ServerBackend, WorkerBackend } from "./backend";
import type { Ask, Check, Fix, Questions } from "./contract";
import { button, chooser, fill, h, plural, settled } from "./dom";
import * as drafts from "./draft";
import { type Editor, editor } from "./editor";
import * as folder from "./folder";
import type { RunInFull } from "./folder";
import { markdown } from "./markdown";
import { Notices } from "./notices";
import { drawing } from "./views/drawing";
import { facts } from "./views/facts";
import { field } from "./views/field";
import { Findings } from "./views/findings";
import { memory } from "./views/memory";
import { FilesDialog } from "./views/files";
import { RunsView } from "./views/runs";
import { CompareView } from "./views/compare";
import { StartDialog } from "./views/start";
import { SuggestionsView } from "./views/suggestions";
import { table } from "./views/table";
import { shown, type State, Store, type Tab } from "./store";

const SLOW = 200; // milliseconds after which old facts are greyed
const TABS: [Tab, string][] = [
  ["drawing", "Drawing"], ["layers", "Layers"], ["field", "Receptive field"], ["memory", "Memory"],
  ["suggestions", "Suggestions"], ["compare", "Compare"],
];

export class App {
  private store = new Store({
    file: "net.yaml", check: null, good: null, stale: false, hover: [], chosen: [], folded: null, widths: "channels",
    tab: "drawing", engine: "",
  } satisfies State);
  private notices = new Notices();
  private backend!: Backend;
  private editor!: Editor;
  private findings!: Findings;
  private suggestions!: SuggestionsView;
  private comparison!: CompareView;
  private starting!: StartDialog;
  private by = "";
  private folder = ""; // in the worker's file system, where the file is based on others
  private initial = ""; // the text that this page came with, or that is on the disk
  private revision: string | null = null;
  private marking = false;
  private fixes: readonly Fix[] = [];
  private linked = settled(() => void this.link(), 400);
  private mended = settled(() => void this.mend(), 250);

  private runs: RunsView | null = null;
  private files: FilesDialog | null = null;
  private choosing = false; // no file is open yet
  private views: [Tab, string][];

  constructor(private root: HTMLElement, private live: boolean, private nonce: string) {
    this.views = live ? [...TABS, ["runs", "Runs"]] : TABS;
  }

  async start(): Promise<void> {
    const theme = drafts.setting("theme");
    if (theme) document.documentElement.dataset.theme = theme;
    const say = (engine: string) => this.store.set({ engine });
    this.backend = this.live ? new ServerBackend(say) : new WorkerBackend(parts, say);
    const given = await this.given();
    this.build(given.text);
    this.store.set({ file: given.file });
    this.initial = given.initial;
    this.offerDraft(given.file, given.text);
    if (given.problem) this.notices.say(given.problem, { stay: true, bad: true, kind: "link" });
    if (this.live) this.follow();
    if (this.choosing) void this.files?.show();
    window.addEventListener("hashchange", () => void this.arrive());
    window.addEventListener("beforeunload", (event) => this.isDirty() && !this.keepDraft() && event.preventDefault());
    this.changed(given.text);
  }

  /** The text to begin with: that of the link, else that of the page or of the server's file. */
  private async given(): Promise<{ file: string; text: string; initial: string; problem?: string }> {
    const packed = document.getElementById("file");
    let file = packed?.dataset.name ?? "net.yaml";
    this.folder = packed?.dataset.folder ?? "";
    let text = packed?.textContent ? JSON.parse(packed.textContent) as string : "";
    if (this.live) {
      try {
        const path = new URLSearchParams(location.search).get("file") ?? (await folder.listing()).open;
        const opened = path ? await folder.open(path) : null;
        if (opened) [file, text, this.revision] = [opened.path, opened.text, opened.revision];
        else if (path) return { file: path, text, initial: text, problem: `${path} is not there yet: it is made when you save.` };
        else this.choosing = true;
      } catch (error) {
        return { file, text, initial: text, problem: error instanceof folder.Refused ? error.message : "The server does not answer." };
      }
    }
    try {
      const shared = this.live ? null : await fromFragment(location.hash);
      return shared ? { ...shared, initial: text } : { file, text, initial: text };
    } catch (error) {
      return { file, text, initial: text, problem: (error as Error).message };
    }
  }

  // ---- parts of the page ----

  private build(text: string): void {
    const left = h("main", { class: "left", "aria-label": "Editor" });
    const place = h("div", { class: "editor" });
    this.findings = new Findings(this.store, {
      go: (found) => this.goTo(found.from, found.to, found.line),
      apply: (fix) => this.apply(fix.title, fix.changes),
      explain: (code) => void this.explain(code),
      suggest: () => this.store.set({ tab: "suggestions" }),
    });
    left.append(place, this.findings.root);
    this.suggestions = new SuggestionsView({
      search: () => this.ask("suggest", { seconds: 2 }),
      apply: (found) => this.apply(found.title, found.changes),
    });
    this.comparison = new CompareView({
      compare: (other) => this.ask("compare", { other: other.text, other_name: other.name }),
      others: async () => [
        { name: this.live ? "as it is on the disk" : "as this page was opened", text: this.initial },
        ...((await this.ask("starters", {}))?.starters ?? []).map(({ name, text }) => ({ name, text })),
      ],
      goToLine: (line) => this.editor.goToLine(line),
    });
    if (this.live) [this.runs, this.files] = [new RunsView((run) => this.beside(run)), new FilesDialog()];
    this.starting = new StartDialog({
      starters: () => this.ask("starters", {}),
      size: (text) => this.ask("starter", { text }),
      defaults: (packs) => this.ask("init_defaults", { packs }),
      init: (wish) => this.ask("init", wish),
      take: (file, other) => this.take(file, other),
    });
    const right = h("aside", { class: "right", "aria-label": "What it means" },
      facts(this.store, (budget) => this.goTo(budget.from, budget.to, budget.line)), this.tabs());
    fill(this.root, this.header(), h("div", { class: "panes" }, left, right), this.notices.root, this.starting.root, this.files?.root);
    this.editor = editor(place, text, this.nonce, {
      changed: (now) => this.changed(now),
      moved: (at) => this.moved(at),
      pointed: (at) => this.pointed(at),
      complete: (now, at) => this.ask("complete", { at, text: now }),
      hover: (now, at) => this.ask("hover", { at, text: now }),
      explain: (code) => void this.explain(code),
    });
    this.store.watch(["chosen", "hover"], () => this.mark());
    this.store.watch(["folded", "widths"], () => void this.redraw());
    this.store.watch(["engine"], () => document.body.classList.toggle("starting", !!this.store.get("engine")));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  private header(): HTMLElement {
    const name = h("input", { class: "file", "aria-label": "File name", spellcheck: "false", ...(this.live && { readonly: true }),
      onchange: () => this.store.set({ file: name.value.trim() || "net.yaml" }) });
    const state = h("span", { class: "state", role: "status" });
    const wanted = chooser(".yaml,.yml,text/*", (file) => void this.open(file));
    this.store.watch(["file"], () => {
      name.value = this.store.get("file");
      name.size = Math.max(8, name.value.length);
      document.title = `${this.store.get("file")} – archbuilder`;
    });
    this.store.watch(["check", "engine", "stale"], () => {
      const [engine, check] = [this.store.get("engine"), this.store.get("check")];
      state.className = `state ${engine || !check ? "busy" : check.ok ? "ok" : "bad"}`;
      state.textContent = engine || (check ? (check.diagnostics.length ? check.summary : "No problems") : "The first check is running.");
    });
    return h("header", { class: "bar-top" },
      h("strong", { class: "mark-word" }, "archbuilder"), name, state, h("span", { class: "gap" }),
      button("New…", () => void this.starting.open(), { title: "Shipped architectures, rule packs, a first file within a budget" }),
      button("Open…", () => this.files ? void this.files.show() : wanted.click()), wanted,
      this.live ? button("Save", () => void this.save(), { title: "Ctrl-S" }) : button("Download", () => this.download(), { title: "The YAML as a file (Ctrl-S)" }),
      this.live ? null : button("Share", () => void this.share(), { title: "A link that has the network in it" }),
      button("◐", () => this.theme(), { "aria-label": "Light, dark, or as the system has it", title: "Light, dark, or as the system has it" }),
      button("?", () => this.help(), { "aria-label": "Help, keys and licences", title: "Help, keys and licences" }));
  }

  private tabs(): HTMLElement {
    const choose = (rows: number[], from: string) => this.choose(rows, from);
    const panels: Partial<Record<Tab, HTMLElement>> = {
      drawing: drawing(this.store, { choose, fold: (folded) => this.store.set({ folded }) }),
      layers: table(this.store, choose),
      field: field(this.store, choose),
      memory: memory(this.store, choose, () => this.ask("arena", {})),
      suggestions: this.suggestions.root,
      compare: this.comparison.root,
      ...(this.runs && { runs: this.runs.root }),
    };
    const buttons = this.views.map(([tab, title]) => button(title, () => this.store.set({ tab }),
      { role: "tab", id: `tab-${tab}`, "aria-controls": `panel-${tab}` }));
    const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Views", onkeydown: (event: KeyboardEvent) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const at = (this.views.findIndex(([tab]) => tab === this.store.get("tab")) + step + this.views.length) % this.views.length;
      this.store.set({ tab: this.views[at]![0] });
      buttons[at]!.focus();
    } }, ...buttons);
    const holders = this.views.map(([tab]) => h("div", { class: "panel", role: "tabpanel", id: `panel-${tab}`, "aria-labelledby": `tab-${tab}` }, panels[tab]));
    this.store.watch(["tab"], () => {
      this.views.forEach(([tab], index) => {
        const chosen = this.store.get("tab") === tab;
        buttons[index]!.setAttribute("aria-selected", String(chosen));
        buttons[index]!.tabIndex = chosen ? 0 : -1;
        holders[index]!.hidden = !chosen;
      });
      if (this.editor && this.store.get("tab") === "compare") void this.comparison.open();
      if (this.editor && this.store.get("tab") === "suggestions") void this.search();
      this.runs?.show(this.store.get("tab") === "runs");
    });
    return h("div", { class: "views" }, bar, ...holders);
  }

  // ---- what is typed, and what comes of it ----

  private changed(text: string): void {
    if (this.isDirty()) this.keepDraft();
    else drafts.forget(this.store.get("file"));
    this.linked();
    void this.check(text);
  }

  private async check(text: string): Promise<void> {
    const slow = setTimeout(() => this.store.set({ stale: true }), SLOW);
    try {
      const check = await this.backend.ask("check", { text, ...this.place(), ...this.folding() });
      clearTimeout(slow);
      if (text === this.editor.text()) this.took(check);
    } catch (error) {
      clearTimeout(slow);
      if (!(error instanceof Overtaken)) {
        this.store.set({ stale: true });
        this.notices.say((error as Error).message, { kind: "engine", bad: true, stay: true,
          choices: [{ label: "Try again", act: () => void this.check(this.editor.text()) }] });
      }
    }
  }

  private took(check: Check): void {
    this.by = check.archbuilder;
    this.notices.drop("engine");
    if (check.error) {
      this.store.set({ stale: true });
      return this.notices.say(check.error, { kind: "engine", bad: true, stay: true });
    }
    this.fixes = [];
    this.store.set({ check, stale: false, ...(check.analysed && { good: check }), hover: [] });
    this.editor.show(check, []);
    this.findings.show([]);
    this.moved(this.editor.view.state.selection.main.head);
    if (check.diagnostics.some((found) => found.quick)) this.mended();
    if (this.store.get("tab") === "suggestions") void this.search();
    if (this.store.get("tab") === "compare") void this.comparison.compare();
  }

  private async mend(): Promise<void> {
    const text = this.editor.text();
    const found = await this.ask("fixes", { diagnostic: null });
    if (!found?.fixes || text !== this.editor.text()) return;
    this.fixes = found.fixes;
    this.editor.show(this.store.get("check"), this.fixes);
    this.findings.show(this.fixes);
  }

  private search(): Promise<number> | void {
    const check = this.store.get("check");
    if (!check) return;
    if (check.ok) return this.suggestions.idle("Every limit and rule holds: there is nothing to mend.");
    return this.suggestions.search();
  }

  /** An answer, or null where a later question has overtaken this one or nobody answers. */
  private async ask<K extends Ask>(name: K, question: Question<K>): Promise<Questions[K][1] | null> {
    try {
      return await this.backend.ask(name, { text: this.editor.text(), ...this.place(), ...question });
    } catch {
      return null;
    }
  }

  private place(): { file: string; folder?: string } {
    return { file: this.store.get("file"), ...(this.folder && { folder: this.folder }) };
  }

  private folding(): { folded?: string[]; widths: State["widths"] } {
    const folded = this.store.get("folded");
    return { ...(folded && { folded }), widths: this.store.get("widths") };
  }

  private async redraw(): Promise<void> {
    const check = this.store.get("check");
    if (!check?.drawing) return;
    const found = await this.ask("drawing", this.folding());
    if (found?.drawing && this.store.get("check") === check) {
      const drawn = { ...check, drawing: found.drawing };
      this.store.set({ check: drawn, ...(check.analysed && { good: drawn }) });
    }
  }

  private apply(title: string, changes: Fix["changes"]): void {
    this.editor.apply(changes);
    this.notices.say(`Applied: ${title}`, { kind: "applied", choices: [{ label: "Undo", act: () => this.editor.undo() }] });
  }

  private take(file: string, text: string): void {
    this.editor.replace(text);
    this.store.set({ folded: null, ...(!this.live && { file }) });
    this.notices.say(`${file} is in the editor now.`, { kind: "applied", choices: [{ label: "Undo", act: () => this.editor.undo() }] });
  }

  // ---- lines, boxes and rows ----

  private choose(rows: number[], from: string): void {
    this.store.set({ chosen: rows });
    const row = shown(this.store)?.rows.find((each) => each.id === rows[0]);
    if (!row || this.store.get("stale")) return;
    this.marking = true;
    if (from === "drawing" || from === "table") this.reveal(row.from, row.to, row.line);
    this.marking = false;
  }

  /** Shows a place without taking the keyboard from whoever chose it. */
  private reveal(from: number | null, to: number | null, line: number): void {
    const focused = document.activeElement as HTMLElement | null;
    this.goTo(from, from, line);
    if (to !== null) focused?.focus({ preventScroll: true });
    else focused?.focus({ preventScroll: true });
  }

  private goTo(from: number | null, to: number | null, line: number): void {
    if (from !== null) this.editor.goTo(from, to ?? from);
    else this.editor.goToLine(line);
  }

  private moved(at: number): void {
    if (this.marking || !this.editor) return;
    this.store.set({ chosen: this.rowsAt(at) });
  }

  private pointed(at: number | null): void {
    this.store.set({ hover: at === null ? [] : this.rowsAt(at) });
  }

  private lines = new WeakMap<Check, Map<number, number[]>>();

  /** The rows that a line makes. */
  private rowsOf(check: Check, line: number): number[] {
    let found = this.lines.get(check);
    if (!found) {
      found = new Map();
      for (const row of check.rows) {
        const known = found.get(row.line);
        if (known) known.push(row.id);
        else found.set(row.line, [row.id]);
      }
      this.lines.set(check, found);
    }
    return found.get(line) ?? [];
  }

  /** Whether several blocks are written on a line. */
  private crowded(check: Check, line: number): boolean {
    return new Set(this.rowsOf(check, line).map((id) => check.rows[id]?.from)).size > 1;
  }

  /** The rows that a place in the text makes: those of its line, or of the nearest block before it on a line with several. */
  private rowsAt(at: number): readonly number[] {
    const check = shown(this.store);
    if (!check || this.store.get("stale") || check !== this.store.get("check")) return NONE;
    const { doc } = this.editor.view.state;
    const { number } = doc.lineAt(Math.min(at, doc.length));
    let found = this.rowsOf(check, number);
    if (this.crowded(check, number)) {
      const nearest = found.reduce((best, id) => Math.max(best, (check.rows[id]?.from ?? 0) <= at ? check.rows[id]!.from! : -1), -1);
      found = found.filter((id) => check.rows[id]?.from === nearest);
    }
    return same(found, this.store.get("hover"), this.store.get("chosen"));
  }

  private mark(): void {
    const check = shown(this.store);
    if (!check || !this.editor) return;
    const current = check === this.store.get("check") && !this.store.get("stale");
    const lines = (ids: readonly number[]) => current ? [...new Set(ids.map((id) => check.rows[id]?.line ?? 0))] : [];
    const words = new Map<number, [number, number]>();
    for (const id of current ? [...this.store.get("chosen"), ...this.store.get("hover")] : []) {
      const row = check.rows[id];
      if (row?.from != null && row.to != null && this.crowded(check, row.line)) words.set(row.from, [row.from, row.to]);
    }
    this.editor.mark({ chosen: lines(this.store.get("chosen")), hover: lines(this.store.get("hover")), words: [...words.values()] });
  }

  // ---- files, links, drafts ----

  private isDirty(): boolean {
    return this.editor.text() !== this.initial;
  }

  private keepDraft(): boolean {
    const kept = drafts.keep(this.store.get("file"), { text: this.editor.text(), base: this.initial, time: Date.now() });
    if (!kept) {
      this.notices.say("This browser cannot keep a draft of this text: save it as a file before you leave.",
        { kind: "draft", stay: true, bad: true, choices: [{ label: this.live ? "Save" : "Download", act: () => this.live ? void this.save() : this.download() }] });
    } else this.notices.drop("draft");
    return kept;
  }

  private offerDraft(file: string, text: string): void {
    const draft = drafts.kept(file);
    if (!draft || draft.text === text) return;
    const minutes = Math.round((Date.now() - draft.time) / 60_000);
    this.notices.say(`You left a draft of ${file} here${minutes > 0 ? ` ${plural(minutes, "minute")} ago` : ""}.`,
      { kind: "kept", stay: true, choices: [
        { label: "Take it", act: () => this.editor.replace(draft.text) },
        { label: "Throw it away", act: () => drafts.forget(file) },
      ] });
  }

  private async open(file: File): Promise<void> {
    const text = await file.text();
    this.take(file.name, text.replaceAll("\r\n", "\n"));
  }

  private download(): void {
    download(this.store.get("file"), this.editor.text());
  }

  /** The text goes into the address, so that a reload and a bookmark have it. */
  private async link(): Promise<string | null> {
    if (this.live) return null;
    const fragment = await toFragment({ file: this.store.get("file"), text: this.editor.text() }, this.by);
    try {
      history.replaceState(null, "", fragment ?? location.pathname + location.search);
    } catch {
      // an address that must not be changed: the draft has the text
    }
    return fragment;
  }

  /** Another link was opened in this tab. */
  private async arrive(): Promise<void> {
    try {
      const shared = await fromFragment(location.hash);
      if (shared && shared.text !== this.editor.text()) this.take(shared.file, shared.text);
    } catch (error) {
      this.notices.say((error as Error).message, { kind: "link", stay: true, bad: true });
    }
  }

  private async share(): Promise<void> {
    const fragment = await this.link();
    if (!fragment) {
      return this.notices.say("This text is too large for a link: hand on the file.",
        { kind: "share", choices: [{ label: "Download", act: () => this.download() }] });
    }
    const base = document.querySelector<HTMLMetaElement>('meta[name="archbuilder-base"]')?.content;
    if (!base && location.protocol === "file:") {
      await copied(fragment);
      return this.notices.say("This page lies on a disk, so that a link to it is of use here alone. The fragment is copied: it goes behind the address of any copy of this page. Or hand on the YAML itself.",
        { kind: "share", stay: true, choices: [{ label: "Download the YAML", act: () => this.download() }] });
    }
    const address = (base || location.href.replace(/#.*/, "")) + fragment;
    const done = await copied(address);
    this.notices.say(done ? "The link is copied: it has the whole network in it." : "The link is in the address bar.", { kind: "share" });
  }

  private async save(): Promise<void> {
    if (!this.live) return this.download();
    const [file, text] = [this.store.get("file"), this.editor.text()];
    try {
      const saved = await folder.save(file, text, this.revision);
      if ("error" in saved) return this.conflict(file, saved.text, saved.revision, saved.error);
      this.saved(text, saved.revision);
      this.notices.say(`${file} is saved.`, { kind: "saved" });
    } catch {
      this.notices.say("The server is gone: nothing was saved. Your text is kept here.", { kind: "saved", bad: true, stay: true,
        choices: [{ label: "Try again", act: () => void this.save() }, { label: "Download", act: () => this.download() }] });
    }
  }

  private saved(text: string, revision: string): void {
    [this.initial, this.revision] = [text, revision];
    drafts.forget(this.store.get("file"));
    this.notices.drop("conflict");
  }

  /** The disk has another text than the one that was read: both are there, and the user chooses. */
  private conflict(file: string, disk: string | null, revision: string | null, words: string): void {
    const mine = { label: "Save mine", act: () => { this.revision = revision; void this.save(); } };
    const theirs = disk === null ? [] : [{ label: "Take that of the disk", act: () => { this.saved(disk, revision ?? ""); this.editor.replace(disk); } }];
    this.notices.say(words || `${file} has changed on the disk.`, { kind: "conflict", stay: true, bad: true, choices: [mine, ...theirs] });
  }

  /** The network of a run beside the one in the editor. */
  private beside(run: RunInFull): void {
    this.comparison.add({ name: `file of ${run.path}`, text: run.file });
    this.store.set({ tab: "compare" });
  }

  private follow(): void {
    folder.watch({
      changed: (path, revision) => void this.onDisk(path, revision),
      runs: (path) => this.runs?.changed(path),
      gone: (path) => {
        if (this.store.get("file").startsWith(`${path}/`)) void this.onDisk(this.store.get("file"), null);
        this.runs?.changed(path);
      },
      lost: (gone) => this.store.set({ engine: gone ? "The server is gone: start archbuilder live again. Your text is kept here." : "" }),
    });
  }

  private async onDisk(path: string, revision: string | null): Promise<void> {
    if (path !== this.store.get("file") || revision === this.revision) return;
    if (revision === null) return this.conflict(path, null, null, `${path} is gone from the disk. Your text is kept here.`);
    const opened = await folder.open(path).catch((error: Error) => {
      this.notices.say(`${error.message} Your text is kept here.`, { kind: "conflict", stay: true, bad: true });
      return null;
    });
    if (!opened) return;
    if (opened.text === this.editor.text()) return this.saved(opened.text, opened.revision);
    if (this.isDirty()) return this.conflict(path, opened.text, opened.revision, `${path} has changed on the disk, and here.`);
    this.saved(opened.text, opened.revision);
    this.editor.replace(opened.text);
  }

  // ---- the rest ----

  private key(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      void this.save();
    } else if (event.altKey && /^[1-9]$/.test(event.key) && this.views[Number(event.key) - 1]) {
      event.preventDefault();
      this.store.set({ tab: this.views[Number(event.key) - 1]![0] });
    } else if (event.altKey && event.key === "0") {
      event.preventDefault();
      this.editor.view.focus();
    }
  }

  private theme(): void {
    const order = ["", "light", "dark"];
    const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length]!;
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    drafts.setting("theme", next);
    document.dispatchEvent(new Event("archbuilder-theme"));
    this.notices.say({ "": "As the system has it", light: "Light", dark: "Dark" }[next]!, { kind: "theme" });
  }

  private async explain(code: string): Promise<void> {
    const found = await this.ask("explain", { code });
    if (found) dialog(found.error ? code : `${found.code}: ${found.title}`, markdown(found.error ?? found.markdown));
  }

  private help(): void {
    const licences = JSON.parse(document.getElementById("licences")?.textContent || '""') as string;
    dialog("archbuilder", h("div", { class: "prose" },
      h("p", {}, "On the left is the network as YAML, on the right what it means. Everything follows a key press; nothing leaves this page."),
      h("table", {}, h("tbody", {}, ...([
        ["Ctrl-Space", "what can be written here"], ["Ctrl-Z, Ctrl-Y", "undo, redo"], ["Ctrl-S", this.live ? "save the file" : "the YAML as a file"],
        ["Ctrl-Shift-M", "the findings, one after the other"], ["Alt-1 to Alt-6", "the views"], ["Alt-0", "back to the editor"],
        ["Escape, then Tab", "out of the editor"], ["arrow keys in the drawing", "from box to box; Enter goes to the line, or unfolds"],
      ] as const).map(([keys, words]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, keys)), h("td", {}, words))))),
      h("p", {}, `Made by archbuilder ${this.by}.`),
      licences ? h("details", {}, h("summary", {}, "Licences of what is in this page"), h("pre", {}, licences)) : null));
  }
}

const NONE: readonly number[] = [];

/** The same array again where it has the same numbers, so that nothing is painted anew. */
function same(found: number[], ...known: (readonly number[])[]): readonly number[] {
  return known.find((each) => each.length === found.length && each.every((id, i) => id === found[i])) ?? found;
}

/** What `archbuilder page` has packed for the worker. */
function parts(): Record<string, string> {
  const found = document.querySelectorAll<HTMLScriptElement>("script[data-part]");
  return Object.fromEntries([...found].map((each) => [each.dataset.part, each.textContent ?? ""]));
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function dialog(title: string, content: HTMLElement): void {
  const shown = h("dialog", { "aria-label": title, onclose: () => shown.remove(), onclick: (event: Event) => event.target === shown && shown.close() },
    h("header", {}, h("h2", {}, title), button("Close", () => shown.close(), { class: "small" })), content);
  document.body.append(shown);
  shown.showModal();
}
