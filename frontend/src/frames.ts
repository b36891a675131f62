// Frames are the positions of the timeline: every step of the record that changes something one can see.
import { brief } from "./number";
import { inputName, named, partial, product } from "./message";
import type { Data, RecNode, Step, Value } from "./types";

export type Phase = "forward" | "backward" | "update";

export interface Frame {
  phase: Phase;
  step: Step;
  n: number | null; // the node it is about
  readonly text: string; // said aloud, and a line of the text twin
  touched: number[]; // nodes whose look changes
}

const PHASE: Record<string, Phase> = { forward: "forward", optimizer: "update", zero_grad: "update" };

export function frames(data: Data): Frame[] {
  const { nodes, steps } = data.record;
  const out: Frame[] = [];
  let phase: Phase = "forward";
  let freed: number[] = [];
  const sums = new Map<number, Value | null>();
  for (const step of steps) {
    const n = "n" in step ? step.n : step.kind === "backward_begin" ? step.root : null;
    if (step.kind === "backward") {
      step.messages = step.messages.filter((m) => nodes[m.to]);
      for (const m of step.messages) {
        if (m.k > 1) m.before = sums.get(m.to);
        sums.set(m.to, m.sum);
      }
    }
    if (/^mod|_end$/.test(step.kind) || (step.kind === "backward" && (!nodes[step.n] || (nodes[step.n].kind === "leaf" && !step.messages.length)))) continue; // shows nothing of its own
    phase = step.kind === "error" ? phase : (PHASE[step.kind] ?? "backward");
    if (!data.backward && phase !== "forward") continue;
    const touched = n === null ? [...freed] : [n, ...freed];
    if (step.kind === "zero_grad" && n === null) touched.push(...nodes.filter((x) => x.kind === "leaf").map((x) => x.n));
    if (step.kind === "backward") touched.push(...step.messages.map((m) => m.to));
    freed = step.kind === "backward" ? [step.n] : [];
    let said: string; // when it is asked for: of a long run most are never read
    out.push({ phase, step, n, touched, get text() { return (said ??= tell(step, nodes)); } });
  }
  return out;
}

/** One sentence for a step. */
export function tell(step: Step, nodes: RecNode[]): string {
  const name = (n: number | null): string => (n === null ? "?" : nodes[n]?.label || `#${n}`);
  switch (step.kind) {
    case "forward": {
      const node = nodes[step.n];
      const formula = node.forward ? ` = ${named(node.forward, node, nodes)}` : ` = ${node.op}(${node.inputs.map((i) => inputName(i, nodes)).join(", ")})`;
      return `${node.label}${formula} = ${brief(node.value, 6)}`;
    }
    case "backward_begin":
      return `Backward starts at ${name(step.root)}: its gradient with respect to itself is 1`;
    case "backward": {
      if (step.messages.length === 0) return `${name(step.n)} has gradient ${brief(step.grad, 6, "norm")} and nothing to pass it to`;
      const sent = step.messages.map((m) => `${product(step.grad, m, 6).replace("→ ", "")} to ${name(m.to)}${m.before ? ": " + partial(m) : m.of > 1 ? ` (${m.k} of ${m.of})` : ""}`);
      return `${name(step.n)} passes on ${sent.join("; ")}`;
    }
    case "accumulate":
      return step.before
        ? `${name(step.n)}.grad held ${brief(step.before, 6, "norm")} and is now ${brief(step.after, 6, "norm")}`
        : `${name(step.n)}.grad was None and is now ${brief(step.after, 6, "norm")}`;
    case "optimizer":
      return `The optimizer moves ${name(step.n)} from ${brief(step.before, 6, "norm")} to ${brief(step.after, 6, "norm")}`;
    case "zero_grad":
      return step.n === null ? "The gradients are cleared" : `${name(step.n)}.grad is cleared`;
    case "error":
      return `Error${step.n === null ? "" : ` at ${name(step.n)}`}: ${step.text}`;
    default:
      return "";
  }
}

/** What a hook did to the gradient of a step, as a sentence. */
export function hookOf({ step }: Frame): string {
  const { hook = "" } = step as Step & { hook?: string };
  return hook && hook[0].toUpperCase() + hook.slice(1);
}

/** The sentences of the steps also say what hooks did. */
export function tellHooks(all: Frame[]): void {
  for (const frame of all) if (hookOf(frame)) Object.defineProperty(frame, "text", { value: `${frame.text}. ${hookOf(frame)}` });
}

/** Where each phase starts, in order: the coloured stretches of the timeline. */
export function stretches(all: Frame[]): { phase: Phase; from: number; to: number }[] {
  const out: { phase: Phase; from: number; to: number }[] = [];
  all.forEach((f, i) => {
    const last = out[out.length - 1];
    if (last?.phase === f.phase) last.to = i + 1;
    else out.push({ phase: f.phase, from: i, to: i + 1 });
  });
  return out;
}
