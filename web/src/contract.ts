// What the analyser answers, as plain data: archbuilder/live/ in Python is the other side of it.
// Offsets count UTF-16 units, as the editor does; lines count from 1; pairs are [height, width].

export type Pair = [number, number];

export interface Diagnostic {
  code: string;
  severity: "error" | "warning";
  title: string;
  message: string;
  hint: string;
  file: string;
  line: number;
  column: number;
  from: number;
  to: number;
  elsewhere: boolean;
  quick: boolean;
}

export interface Totals {
  params: number;
  frozen_params: number;
  buffers: number;
  macs: number;
  layers: number;
  input: number[];
  output: number[];
  classes: number | null;
  receptive_field: Pair | null;
  receptive_field_with_gap: Pair | null;
  status: string;
  peak_bytes: number;
  training_bytes: number;
  weight_bytes: number;
  field_lines: string[];
}

export interface Row {
  id: number;
  line: number;
  name: string;
  block: string;
  op: string;
  out: string;
  shape: number[];
  params: number;
  macs: number;
  field: string;
  size: Pair | null;
  stride: Pair;
  bytes: number;
  note: string;
  from: number | null;
  to: number | null;
  params_share: number;
  macs_share: number;
  costly: boolean;
}

export interface Budget {
  kind: "limit" | "rule" | "goal";
  group: string;
  name: string;
  bound: string;
  value: number | null;
  unit: string;
  words: string;
  ok: boolean;
  ignored: boolean;
  /** Only a run will show it. */
  open: boolean;
  share: number | null;
  direction: string;
  left: number | null;
  line: number;
  from: number | null;
  to: number | null;
  by: { name: string; line: number }[];
  message: string;
}

export interface FieldStep {
  row: number;
  name: string;
  line: number;
  size: Pair;
  least: Pair;
  jump: Pair;
  start: Pair;
  units: Pair;
  unit: Pair;
  first: Pair;
  last: Pair;
  status: string;
}

export interface Field {
  input: Pair;
  steps: FieldStep[];
  last: number;
  notes: string[];
}

export interface Memory {
  layers: { name: string; row: number; line: number; live: number; kept: number }[];
  tensors: { name: string; bytes: number; from: number; to: number }[];
  peak: number;
  peak_bytes: number;
  training_bytes: number;
  dtype: string;
}

/** The memory of a microcontroller: `from` and `to` are positions in `operators`, inclusive. */
export interface Arena {
  head: number;
  greedy: number;
  bound: number;
  total: [number, number];
  peak: number;
  operators: { kernel: string; name: string }[];
  placed: { name: string; bytes: number; offset: number; from: number; to: number; at_peak: boolean }[];
}

export type Widths = "channels" | "params" | "macs";

export interface Group {
  id: string;
  kind?: "stage" | "repeat" | "definition";
  title: string;
  times?: number;
  x: number;
  y: number;
  width: number;
  height: number;
  folded: boolean;
  line: number;
  parent: string | null;
  rows: number[];
}

export interface Box {
  /** Of a folded group: `group:` and its id. */
  id: string;
  row: number | null;
  group: string | null;
  folded: boolean;
  kind: string;
  title: string;
  cost: string;
  lines: string[];
  shape: number[];
  x: number;
  y: number;
  width: number;
  height: number;
  symbol: string;
  line: number;
  rows: number[];
  bar?: number;
  params?: number;
  macs?: number;
}

export interface Edge {
  from: string;
  to: string;
  points: [number, number][];
  label: string;
  at: [number, number] | null;
  skip: boolean;
}

export interface Drawing {
  width: number;
  height: number;
  partial: boolean;
  groups: Group[];
  boxes: Box[];
  edges: Edge[];
  folded?: string[];
}

export interface Check {
  version: number;
  archbuilder: string;
  error?: string;
  name: string;
  ok: boolean;
  analysed: boolean;
  summary: string;
  diagnostics: Diagnostic[];
  hints: { line: number; text: string }[];
  totals: Totals | null;
  rows: Row[];
  budgets: Budget[];
  field: Field | null;
  memory: Memory | null;
  memory_note?: string;
  drawing: Drawing | null;
  drawing_note?: string;
}

export interface Change {
  from: number;
  to: number;
  insert: string;
}

export interface Fix {
  diagnostic: number;
  title: string;
  preferred: boolean;
  changes: Change[];
}

export interface Suggestion {
  title: string;
  effects: string[];
  diff: string;
  changes: Change[];
  warnings: string[];
}

export interface Suggestions {
  error?: string;
  headline: string;
  suggestions: Suggestion[];
  nearest: Suggestion | null;
  missing: string[];
  notes: string[];
}

export interface Completions {
  error?: string;
  from: number;
  to: number;
  options: { label: string; insert: string; kind: string; info: string }[];
}

export interface Hover {
  error?: string;
  markdown: string;
  from: number;
  to: number;
}

export interface Manual {
  error?: string;
  code: string;
  title: string;
  markdown: string;
}

export interface Starters {
  error?: string;
  starters: { name: string; title: string; text: string }[];
  packs: { name: string; title: string; text: string }[];
}

export interface InitDefaults {
  error?: string;
  params: string;
  classes: string | number;
  input: string;
  packs: string[];
}

export interface Comparison {
  error?: string;
  table: { head: string[]; rows: string[][] };
  changes: { head: string[]; rows: string[][] }; // each row begins with its sign and its line
}

/** What can be asked, by name, with its own fields and its answer. */
export interface Questions {
  check: [{ folded?: string[]; widths?: Widths }, Check];
  drawing: [{ folded?: string[]; widths?: Widths }, { drawing: Drawing | null; error?: string }];
  arena: [object, { arena?: Arena | null; arena_note?: string; error?: string }];
  fixes: [{ diagnostic?: number | null }, { fixes: Fix[]; error?: string }];
  suggest: [{ seconds?: number }, Suggestions];
  complete: [{ at: number }, Completions];
  hover: [{ at: number }, Hover];
  explain: [{ code: string }, Manual];
  starters: [object, Starters];
  starter: [{ text: string }, { params: number; macs: number; error?: string }];
  init: [{ packs?: string[]; params?: string; classes?: string; input?: string; name?: string },
    { text?: string; error?: string; field?: string }];
  init_defaults: [{ packs?: string[] }, InitDefaults];
  compare: [{ other: string; other_name?: string }, Comparison];
}

export type Ask = keyof Questions;
