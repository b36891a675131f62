// What is known about every node at every position. Each node keeps the short history of its own changes, so looking
// one up is a binary search, going back costs what going forward costs, and nothing is ever recomputed.
import type { Frame } from "./frames";
import type { Message, RecNode, Value } from "./types";

export type GradKind = "off" | "none" | "partial" | "final" | "stored" | "zeroed" | "freed";

export interface Contribution {
  from: number;
  message: Message;
  grad: Value | null; // upstream: what had reached `from`
}

export interface GradState {
  kind: GradKind;
  k: number;
  of: number;
  value: Value | null;
  parts: Contribution[];
  kept?: boolean; // passed on, and there was nothing to free
  grad?: { before: Value | null; added: Value | null; after: Value | null }; // a leaf's .grad
}

const NOTHING: GradState = { kind: "none", k: 0, of: 0, value: null, parts: [], kept: false };
const OFF: GradState = { ...NOTHING, kind: "off" };

export const WORDS: Record<GradKind, string> = {
  off: "needs no gradient",
  none: "not reached",
  partial: "partial",
  final: "final",
  stored: "stored in .grad",
  zeroed: "cleared",
  freed: "passed on, freed",
};

export function say(s: GradState): string {
  return s.kind === "partial" ? `partial ${s.k} of ${s.of}` : s.kept ? "passed on" : WORDS[s.kind];
}

type Mark<T> = { at: number; is: T };

function find<T>(marks: Mark<T>[] | undefined, cursor: number, otherwise: T): T {
  let low = 0;
  let high = marks?.length ?? 0;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (marks![mid].at <= cursor) low = mid + 1;
    else high = mid;
  }
  return low ? marks![low - 1].is : otherwise;
}

export class History {
  #grads: Mark<GradState>[][] = [];
  #values: Mark<Value | null>[][] = [];
  #born: number[];

  constructor(
    readonly nodes: RecNode[],
    readonly frames: Frame[],
  ) {
    this.#born = nodes.map((n) => (n.kind === "op" ? -1 : 0));
    let sent: { n: number; frees: boolean } | null = null;
    frames.forEach((frame, i) => {
      const at = i + 1;
      const step = frame.step;
      if (sent !== null) this.#mark(sent.n, at, { kind: "freed", kept: !sent.frees });
      sent = null;
      if (step.kind === "forward") this.#born[step.n] = at;
      if (step.kind === "backward_begin") {
        const next = frames[i + 1]?.step;
        this.#grads.forEach((_, n) => {
          // A second pass through the graph: what the first one left is history, except in the leaves.
          if (n === step.root || this.#last(n).grad) return;
          this.#mark(n, at, NOTHING);
          frame.touched.push(n);
        });
        const seed = next?.kind === "backward" && next.n === step.root ? next.grad : null;
        this.#mark(step.root, at, { kind: "final", k: 1, of: 1, value: seed, parts: [] });
      }
      if (step.kind === "backward") {
        this.#mark(step.n, at, { kind: "final", value: step.grad });
        for (const message of step.messages) {
          const so = this.#last(message.to);
          const fresh = message.k === 1;
          const part = { from: step.n, message, grad: step.grad };
          this.#mark(message.to, at, {
            kind: message.k === message.of ? "final" : "partial",
            k: message.k,
            of: message.of,
            value: message.sum ?? message.product,
            parts: [...(fresh ? [] : so.parts), part],
          });
        }
        sent = step;
      }
      if (step.kind === "accumulate") {
        const so = this.#last(step.n);
        this.#mark(step.n, at, { kind: "stored", grad: { before: step.before, added: so.value, after: step.after } });
      }
      if (step.kind === "zero_grad") {
        const cleared = step.n === null ? this.#grads.flatMap((_, n) => (nodes[n].kind === "leaf" ? [n] : [])) : [step.n];
        for (const n of cleared) this.#mark(n, at, { ...NOTHING, kind: "zeroed", grad: undefined });
      }
      if (step.kind === "optimizer") (this.#values[step.n] ??= []).push({ at, is: step.after });
    });
    // A node never computed in this record (a graph walked back from a loss) is simply there from the start.
    this.#born = this.#born.map((b) => (b < 0 ? 0 : b));
  }

  #last(n: number): GradState {
    const marks = this.#grads[n];
    return marks?.length ? marks[marks.length - 1].is : NOTHING;
  }

  #mark(n: number, at: number, change: Partial<GradState>): void {
    const marks = (this.#grads[n] ??= []);
    const is = { ...this.#last(n), ...change };
    if (marks.length && marks[marks.length - 1].at === at) marks[marks.length - 1].is = is;
    else marks.push({ at, is });
  }

  grad(n: number, cursor: number): GradState {
    return find(this.#grads[n], cursor, this.nodes[n].requires_grad ? NOTHING : OFF);
  }

  /** The value of a node, or undefined when the forward pass has not come to it yet. */
  value(n: number, cursor: number): Value | null | undefined {
    return this.#born[n] > cursor ? undefined : find(this.#values[n], cursor, this.nodes[n].value);
  }

  /** Nodes that may look different at `b` than at `a`. */
  changed(a: number, b: number): Set<number> {
    const out = new Set<number>();
    const add = (i: number): void => this.frames[i]?.touched.forEach((n) => out.add(n));
    for (let i = Math.max(0, Math.min(a, b) - 1); i < Math.max(a, b); i++) add(i);
    return out;
  }
}
