// What is to be seen, as plain facts: for a node its lines and marks; for an edge whether a
// message travels on it. Both renderers (SVG and canvas) draw these facts and decide nothing themselves.
import { frames, type Frame } from "./frames";
import { partial, product } from "./message";
import { brief, kindText } from "./number";
import { History, say, WORDS, type GradKind } from "./state";
import { Timeline } from "./timeline";
import type { Badge, Data, RecNode, Scene, SceneEdge, SceneNode } from "./types";

export type Label = "value" | "gradient" | "shape" | "op";
export const LABELS: Label[] = ["value", "gradient", "shape", "op"];

export interface Line {
  text: string;
  kind: "value" | GradKind;
  share: number; // of the contributions that have arrived, 0 to 1
  part: string; // "1/2" while partial
}

export interface Look {
  ghost: boolean; // the forward pass has not come here yet
  current: boolean;
  selected: boolean;
  near: boolean; // one edge from the current node and taking part in this step
  found: boolean;
  lines: (Line | null)[]; // one for each row of the scene
}

export type Flow = "" | "forward" | "backward";

export interface Chip {
  key: string;
  edge: SceneEdge | null; // null: hangs at a node
  node: SceneNode;
  lead: string; // "1 × 3 = "
  main: string; // "3", set in bold
  phase: Frame["phase"];
}

export class Model {
  readonly frames: Frame[];
  readonly history: History;
  readonly time: Timeline;
  readonly nodes: RecNode[];
  scene: Scene;
  depth = 0;
  label: Label = "value";
  selected: number | null = null;
  found = new Set<number>();
  badges = new Map<number, Badge>(); // by node; these go before the picture's own
  byN = new Map<number, SceneNode[]>();
  edgesOf = new Map<number, SceneEdge[]>();

  constructor(readonly data: Data) {
    this.nodes = data.record.nodes;
    this.frames = frames(data);
    this.history = new History(this.nodes, this.frames);
    this.time = new Timeline(this.frames.length);
    const start = this.frames.findIndex((f) => f.phase === "backward");
    this.time.cursor = start < 0 ? this.frames.length : start;
    this.scene = data.scenes[0];
    this.#index();
  }

  fold(depth: number): void {
    this.depth = depth;
    this.scene = this.data.scenes[depth];
    this.#index();
  }

  #index(): void {
    this.byN.clear();
    this.edgesOf.clear();
    const add = <T>(map: Map<number, T[]>, n: number, item: T): void => void (map.get(n)?.push(item) ?? map.set(n, [item]));
    for (const s of this.scene.nodes) {
      if (s.n !== null) add(this.byN, s.n, s);
      for (const n of s.members ?? []) if (n !== s.n) add(this.byN, n, s);
    }
    for (const e of this.scene.edges) {
      for (const n of new Set([e.n_from, e.n_to])) if (n !== null) add(this.edgesOf, n, e);
    }
  }

  /** What the reader must know about the whole picture. */
  get note(): string {
    return [this.scene.note, this.data.note].filter(Boolean).join(". ");
  }

  get frame(): Frame | null {
    return this.frames[this.time.cursor - 1] ?? null;
  }

  /** The node the panel is about: the chosen one, else the one this step is about. */
  get focus(): number | null {
    return this.selected ?? this.frame?.n ?? this.nodes[this.nodes.length - 1]?.n ?? null;
  }

  badge(s: SceneNode): Badge | undefined {
    const inside = s.kind === "group" ? (s.members ?? []) : s.n === null ? [] : [s.n];
    return inside.map((n) => this.badges.get(n)).find(Boolean) ?? s.badge;
  }

  #flows(n_from: number | null, n_to: number | null): Flow {
    const frame = this.frame;
    if (!frame || n_from === null || n_to === null) return "";
    const step = frame.step;
    if (step.kind === "forward" && step.n === n_to) return "forward";
    if (step.kind === "backward" && step.n === n_to && step.messages.some((m) => m.to === n_from)) return "backward";
    return "";
  }

  flow(e: SceneEdge): Flow {
    return this.#flows(e.n_from, e.n_to);
  }

  look(s: SceneNode): Look {
    const at = this.time.cursor;
    const frame = this.frame;
    const mine = (n: number | null | undefined): boolean => n !== null && n !== undefined && (s.n === n || !!s.members?.includes(n));
    const marks = {
      current: mine(frame?.n),
      selected: mine(this.selected),
      near: (frame?.step.kind === "backward" && frame.step.messages.some((m) => mine(m.to))) || (frame?.step.kind === "forward" && this.nodes[frame.step.n].inputs.some((i) => mine(i.n))),
      found: this.found.size > 0 && (s.n !== null ? this.found.has(s.n) : !!s.members?.some((n) => this.found.has(n))),
    };
    const ghost = s.n !== null && s.kind !== "portal" && this.history.value(s.n, at) === undefined;
    const lines = this.scene.rows.map((row) => (s.n === null || s.kind === "portal" || ghost ? null : row === "value" ? this.#first(s, at) : this.gradient(s.n, at)));
    return { ghost, lines, ...marks };
  }

  /** The first line of a box: what the reader asked to see there. */
  #first(s: SceneNode, at: number): Line | null {
    const node = this.nodes[s.n!];
    const state = this.history.grad(node.n, at);
    const value = this.history.value(node.n, at);
    const text = {
      value: () => (value ? brief(value) : (s.value ?? "")),
      gradient: () => (this.data.backward ? say(state) : node.requires_grad ? (node.name ?? "") : WORDS.off),
      shape: () => kindText(node),
      op: () => (node.kind === "op" ? node.op : node.kind),
    }[this.label]();
    return text ? { text, kind: "value", share: 0, part: "" } : null;
  }

  gradient(n: number, at: number): Line | null {
    const state = this.history.grad(n, at);
    const { kind, k, of } = state;
    if (kind === "off") return null;
    if (kind === "none") return { kind, share: 0, part: "", text: "" };
    if (kind === "zeroed") return { kind, share: 0, part: "", text: "None" };
    const text = brief(kind === "stored" ? state.grad!.after : state.value, 4, "norm");
    return { kind, share: kind === "partial" ? k / of : 1, part: kind === "partial" ? `${k}/${of}` : "", text };
  }

  /** The messages of this step, each at the edge it travels on, and what happens to a leaf's .grad. */
  chips(): Chip[] {
    const frame = this.frame;
    if (!frame || frame.n === null) return [];
    const step = frame.step;
    const node = this.byN.get(frame.n)?.[0];
    if (!node) return [];
    const chip = (key: string, lead: string, main: string, at = node, edge: SceneEdge | null = null): Chip => ({ key, edge, node: at, lead, main, phase: frame.phase });
    if (step.kind === "backward_begin") return [chip("seed", "starts with ", "1")];
    if (step.kind === "accumulate") {
      const { before, after } = step;
      const added = this.history.grad(frame.n, this.time.cursor).grad?.added ?? null;
      return [chip("grad", before ? `.grad ${brief(before, 4, "norm")} + ${brief(added, 4, "norm")} = ` : ".grad = ", brief(after, 4, "norm"))];
    }
    if (step.kind === "optimizer") return [chip("moved", `${brief(step.before)} → `, brief(step.after))];
    if (step.kind !== "backward") return [];
    const used = new Set<SceneEdge>();
    const sums: Chip[] = [];
    const sent = step.messages.flatMap((m) => {
      const fits = (e: SceneEdge): boolean => e.n_to === step.n && e.n_from === m.to && !used.has(e);
      const edges = this.edgesOf.get(step.n) ?? [];
      const edge = edges.find((e) => fits(e) && e.slot === m.slot) ?? edges.find(fits);
      const end = this.byN.get(m.to)?.[0];
      if (!edge && (!end || end === node)) return []; // inside a folded module nothing can be seen to travel
      if (edge) used.add(edge);
      const parted = (key: string, text: string, at: number, ...more: [SceneNode?, SceneEdge?]): Chip => chip(key, text.slice(0, at + 2), text.slice(at + 2), ...more);
      if (m.before && end) {
        const sum = partial(m, 4);
        sums.push(parted(`sum${m.slot}${m.to}`, sum, sum.lastIndexOf("→ "), end));
      }
      if (!edge && m.before) return [];
      const text = product(step.grad, m, 4);
      return [parted(`${m.slot}${m.to}`, text, Math.max(text.lastIndexOf("= "), text.lastIndexOf("→ ")), end, edge)];
    });
    return [...sent, ...sums];
  }

  /** The nearest neighbour along an edge in a direction, for walking with the keyboard. */
  walk(dx: number, dy: number): SceneNode | null {
    const from = this.byN.get(this.focus ?? -1)?.[0];
    if (!from) return this.scene.nodes[0] ?? null;
    const at = new Map(this.scene.nodes.map((s) => [s.id, s]));
    let best: SceneNode | null = null;
    let least = Infinity;
    for (const e of this.scene.edges) {
      if (e.from !== from.id && e.to !== from.id) continue;
      const other = at.get(e.from === from.id ? e.to : e.from);
      if (!other) continue;
      const x = other.x + other.w / 2 - from.x - from.w / 2;
      const y = other.y + other.h / 2 - from.y - from.h / 2;
      const ahead = x * dx + y * dy;
      const aside = Math.abs(x * dy - y * dx);
      if (ahead > 0 && aside / ahead < least) {
        least = aside / ahead;
        best = other;
      }
    }
    return best;
  }

  search(words: string): number[] {
    const wanted = words.trim().toLowerCase();
    this.found.clear();
    if (!wanted) return [];
    const hits = this.nodes.filter((n) => this.byN.has(n.n) && [n.label, n.op, n.kind === "op" && n.name, n.path, n.module].some((t) => t && t.toLowerCase().includes(wanted)));
    hits.forEach((n) => this.found.add(n.n));
    return hits.map((n) => n.n);
  }
}
