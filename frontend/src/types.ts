// The shapes of what Python hands over: one recording of the real engine, and one or two pictures of it.

/** JSON has no NaN or infinity: they come as "nan", "inf" and "-inf". */
export type Num = number | string;

export interface Value {
  shape: number[];
  dtype: string;
  data: Num[] | null; // flat, at most 64 numbers; null when larger or left out to keep the page small
  min?: Num;
  max?: Num;
  mean?: Num;
  std?: Num;
  norm?: Num;
  nan?: number;
  inf?: number;
  zero?: number;
}

export interface Input {
  slot: string;
  n?: number | null;
  value?: unknown;
}

export interface RecNode {
  n: number;
  kind: "leaf" | "op" | "const";
  op: string;
  name?: string | null; // of its grad_fn
  label: string;
  path: string;
  module?: string | null;
  inputs: Input[];
  settings?: Record<string, unknown>;
  shape: number[];
  dtype: string;
  requires_grad: boolean;
  view?: boolean;
  inplace?: boolean;
  value: Value | null;
  forward?: string | null;
  rules: Record<string, string>;
  elementwise?: boolean;
  line?: { file: string; lineno: number; text: string } | null;
}

export interface Message {
  to: number;
  slot: string;
  local: Value | null;
  product: Value | null;
  sum: Value | null;
  k: number;
  of: number;
  before?: Value | null; // the sum so far, when it is not the first (worked out in frames.ts)
}

export type Step =
  | { kind: "forward"; n: number }
  | { kind: "module_enter" | "module_exit"; path: string; module: string }
  | { kind: "backward_begin"; root: number }
  | { kind: "backward"; n: number; grad: Value | null; messages: Message[]; frees: boolean }
  | { kind: "accumulate"; n: number; before: Value | null; after: Value | null }
  | { kind: "backward_end" }
  | { kind: "optimizer"; n: number; before: Value | null; after: Value | null }
  | { kind: "zero_grad"; n: number | null }
  | { kind: "error"; text: string; n: number | null };

export interface Recording {
  nodes: RecNode[];
  steps: Step[];
  meta?: { title?: string };
}

/** A mark on a box, by form as well as colour; `text` says why. */
export interface Badge {
  kind: "ok" | "bad" | "unsure" | "stop" | "added" | "removed" | "changed";
  text: string;
}

export const BADGES: Record<Badge["kind"], string> = { ok: "✓", bad: "!", unsure: "?", stop: "■", added: "+", removed: "−", changed: "≠" };

export interface SceneNode {
  id: number;
  n: number | null; // the record's ordinal whose value and gradient it shows (of a folded module: its output)
  kind: "op" | "leaf" | "const" | "portal" | "group";
  x: number; // top left corner
  y: number;
  w: number;
  h: number;
  title: string; // final texts, made to fit by Python
  sub?: string;
  value?: string;
  grad?: string;
  tip?: string; // the whole title where it was cut
  members?: number[]; // ordinals inside a folded module
  badge?: Badge;
}

export interface SceneEdge {
  from: number;
  to: number;
  slot: string;
  n_from: number | null;
  n_to: number | null;
  points: [number, number][];
}

export interface SceneGroup {
  path: string;
  label: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

export type Row = "value" | "grad";

export interface Scene {
  width: number;
  height: number;
  direction: "lr" | "tb";
  rows: Row[]; // which lines the boxes have under their title
  nodes: SceneNode[];
  edges: SceneEdge[];
  groups: SceneGroup[];
  note?: string;
}

export interface Data {
  title: string;
  record: Recording;
  scenes: Scene[]; // [0] is shown first; C walks through the others (other folding depths)
  note?: string; // what was left out to keep the page small
  extra?: Record<string, unknown>; // what the parts need, by part
  parts?: string[]; // what is added to the viewer, by the names the parts registered under
  backward: boolean; // false: a graph to look at, no backward timeline
}
