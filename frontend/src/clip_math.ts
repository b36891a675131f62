// Clipping as gradviz/nn/utils/clip_grad.py does it, in the same order of operations and the same precision; and a walk with
// clipping on a function that the browser can run.
import { Arithmetic, RULES, type Recipe, type Settings } from "./optimizers";
import { evaluate, type Program } from "./scalar";

export type Mode = "norm" | "value";
export type Order = 1 | 2 | "inf";
export const ORDERS: Order[] = [1, 2, "inf"];
const EPSILON = 1e-6;

type Round = (x: number) => number;
export const rounding = (single: boolean): Round => (single ? Math.fround : (x) => x);

export function norm(v: number[], order: Order, r: Round): number {
  if (order === "inf") return v.reduce((top, x) => (Number.isNaN(x) ? NaN : Math.max(top, Math.abs(x))), 0);
  const sum = v.reduce((all, x) => r(all + (order === 1 ? Math.abs(x) : r(x * x))), 0);
  return order === 1 ? sum : r(Math.sqrt(sum));
}

/** What a norm is multiplied by; 1 where it is within the threshold. */
export function factor(size: number, limit: number, r: Round): number {
  const times = r(r(1 / r(size + r(EPSILON))) * r(limit)); // a number divided by a tensor is a reciprocal and a product
  return times < 1 ? times : Number.isNaN(times) ? NaN : 1;
}

export function clip(v: number[], mode: Mode, limit: number, order: Order, r: Round): number[] {
  if (mode === "value") return v.map((x) => (x > limit ? r(limit) : x < -limit ? -r(limit) : x));
  const times = factor(norm(v, order, r), limit, r);
  return v.map((x) => r(x * times));
}

/** The angle between two vectors in degrees; 0 where one has no direction. */
export function degrees(a: number[], b: number[]): number {
  const dot = (p: number[], q: number[]): number => p.reduce((sum, x, i) => sum + x * q[i], 0);
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  if (!(aa > 0 && bb > 0 && Number.isFinite(aa + bb + ab))) return 0;
  const turn = (Math.acos(Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)))) * 180) / Math.PI;
  return turn > 1e-4 ? turn : 0;
}

export interface ClippedWalk {
  path: number[][];
  losses: number[];
  grads: number[][];
  used: number[][]; // after clipping: what the optimiser was given
}

const PAIRS: Record<string, string[]> = { betas: ["beta1", "beta2"], etas: ["minus", "plus"], step_sizes: ["least", "most"] };

function options(settings: Settings): Record<string, number> {
  return Object.fromEntries(Object.entries(settings).flatMap(([name, value]): [string, number][] =>
    Array.isArray(value) ? (PAIRS[name] ?? []).map((one, i) => [one, value[i]]) : [[name, Number(value ?? 0)]]));
}

/** As the engine walks with this optimiser, each gradient clipped first. */
export function clippedWalk(program: Program, start: number[], steps: number, recipe: Recipe, single: boolean, mode: Mode, limit: number, order: Order): ClippedWalk {
  const F = new Arithmetic(single);
  const rule = RULES[recipe.kind];
  const point = start.map(F.r);
  const kept: { [name: string]: number }[] = start.map(() => ({ step: 0 }));
  const out: ClippedWalk = { path: [], losses: [], grads: [], used: [] };
  for (let k = 0; k <= steps; k++) {
    const { loss, grads } = evaluate(program, point, single);
    const used = clip(grads, mode, limit, order, F.r);
    out.path.push([...point]);
    out.losses.push(loss);
    out.grads.push(grads);
    out.used.push(used);
    point.forEach((p, i) => {
      const o = options(recipe.settings[i]);
      let [g, from] = [o.maximize ? -used[i] : used[i], p];
      if (o.weight_decay && o.decoupled_weight_decay) from = F.scale(p, 1 - o.lr * o.weight_decay);
      else if (o.weight_decay) g = F.add(g, p, o.weight_decay);
      kept[i].step++;
      point[i] = rule(F, from, g, kept[i], o, {});
    });
  }
  return out;
}
