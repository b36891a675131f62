// Optimisers on single numbers, as gradviz/optim/*.py does them: one parameter at a time, in the engine's order of operations and
// with its roundings, so that a walk made here is the engine's walk. `terms` names the parts of each step as gradviz/widgets/optim/anatomy.py does.
import { clip, rounding } from "./clip_math";
import { evaluate, type Program, type Round } from "./scalar";

export type Setting = number | boolean | number[] | null;
export type Settings = Record<string, Setting>;
export type Terms = Record<string, number>;

export interface Recipe {
  kind: string;
  settings: Settings[]; // for each parameter; empty for one that no gradient reaches, which stays where it is
  clip: number | null;
  schedule: Record<string, Setting[][]>; // options that change: for each step, for each parameter
}

export interface Walk {
  path: number[][];
  losses: number[];
  grads: number[][];
  terms: Record<string, (number[] | null)[]>; // by name: for each step, for each parameter
}

export interface ClippedWalk {
  path: number[][];
  losses: number[];
  grads: number[][];
  used: number[][]; // after clipping: what the optimiser was given
}

/** gradviz/optim/update.py: single precision rounds once where a product is added, double precision twice. */
export class Arithmetic {
  readonly r: Round;
  constructor(readonly single: boolean) {
    this.r = rounding(single);
  }
  scale = (x: number, by: number): number => this.r(x * this.r(by));
  add = (x: number, y: number, by: number): number => this.r(x + y * this.r(by));
  addcmul = (x: number, a: number, b: number, by = 1): number => this.r(x + (by === 1 ? a : this.r(a * this.r(by))) * b);
  addcdiv = (x: number, a: number, b: number, by: number): number => this.r(x + this.r(this.r(a * this.r(by)) / b));
  lerp = (x: number, y: number, share: number): number => {
    const way = this.r(y - x);
    const part = this.r(share);
    return Math.abs(part) >= 0.5 ? this.add(y, way, this.r(part - 1)) : this.add(x, way, part);
  };
  meanSquare = (x: number, g: number, beta: number): number => this.addcmul(this.scale(x, beta), g, g, 1 - beta);
  sqrt = (x: number): number => this.r(Math.sqrt(x));
}

interface Kept {
  [name: string]: number;
}
interface Options {
  [name: string]: number;
}
/** One step of one parameter: the new value. What is kept changes; `say` takes the parts of the step. */
type Rule = (F: Arithmetic, p: number, g: number, kept: Kept, o: Options, say: Terms) => number;

const adam: Rule = (F, p, g, kept, o, say) => {
  const t = kept.step;
  const m = (kept.m = F.lerp(kept.m ?? 0, g, 1 - o.beta1));
  let v = (kept.v = F.meanSquare(kept.v ?? 0, g, o.beta2));
  Object.assign(say, { m, v });
  if (o.amsgrad) say.vmax = v = kept.vmax = Math.max(kept.vmax ?? 0, v);
  Object.assign(say, { mhat: m / (1 - o.beta1 ** t), vhat: v / (1 - o.beta2 ** t) });
  const scale = F.r(F.r(F.sqrt(v) / F.r((1 - o.beta2 ** t) ** 0.5)) + F.r(o.eps));
  return F.addcdiv(p, m, scale, -o.lr / (1 - o.beta1 ** t));
};

export const RULES: Record<string, Rule> = {
  SGD(F, p, g, kept, o, say) {
    if (!o.momentum) return F.add(p, g, -o.lr);
    say.carry = o.momentum * (kept.b ?? 0);
    const b = (kept.b = kept.b === undefined ? g : F.add(F.scale(kept.b, o.momentum), g, 1 - o.dampening));
    say.b = b;
    if (!o.nesterov) return F.add(p, b, -o.lr);
    say.n = g + o.momentum * b;
    return F.add(p, F.add(g, b, o.momentum), -o.lr);
  },
  Adam: adam,
  AdamW: adam,
  NAdam(F, p, g, kept, o, say) {
    const t = kept.step;
    const [mu, next] = [t, t + 1].map((k) => o.beta1 * (1 - 0.5 * 0.96 ** (k * o.momentum_decay)));
    const product = (kept.product = F.r((kept.product ?? 1) * F.r(mu)));
    const m = (kept.m = F.lerp(kept.m ?? 0, g, 1 - o.beta1));
    const v = (kept.v = F.meanSquare(kept.v ?? 0, g, o.beta2));
    Object.assign(say, { m, v, mhat: m / (1 - o.beta1 ** t), vhat: v / (1 - o.beta2 ** t) });
    const scale = F.r(F.sqrt(F.r(v / F.r(1 - o.beta2 ** t))) + F.r(o.eps));
    const half = F.addcdiv(p, g, scale, (-o.lr * (1 - mu)) / (1 - product));
    return F.addcdiv(half, m, scale, (-o.lr * next) / (1 - product * next));
  },
  RAdam(F, p, g, kept, o, say) {
    const t = kept.step;
    const m = (kept.m = F.lerp(kept.m ?? 0, g, 1 - o.beta1));
    const v = (kept.v = F.meanSquare(kept.v ?? 0, g, o.beta2));
    const seen = 1 - o.beta2 ** t;
    Object.assign(say, { m, v, mhat: m / (1 - o.beta1 ** t), vhat: v / seen });
    let change = F.scale(F.r(m / F.r(1 - o.beta1 ** t)), o.lr);
    const longest = 2 / (1 - o.beta2) - 1;
    const length = longest - (2 * t * o.beta2 ** t) / seen;
    if (length > 5) {
      change = F.r(change * F.r(F.r(seen ** 0.5) / F.r(F.sqrt(v) + F.r(o.eps))));
      change = F.scale(change, (((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length)) ** 0.5);
    }
    return F.r(p - change);
  },
  Adamax(F, p, g, kept, o, say) {
    const m = (kept.m = F.lerp(kept.m ?? 0, g, 1 - o.beta1));
    const u = (kept.u = Math.max(F.scale(kept.u ?? 0, o.beta2), F.r(Math.abs(g) + F.r(o.eps))));
    Object.assign(say, { m, u, mhat: m / (1 - o.beta1 ** kept.step) });
    return F.addcdiv(p, m, u, -o.lr / (1 - o.beta1 ** kept.step));
  },
  RMSprop(F, p, g, kept, o, say) {
    const v = (kept.v = F.meanSquare(kept.v ?? 0, g, o.alpha));
    say.v = v;
    let spread = v;
    let exact = v;
    if (o.centered) {
      const mean = (kept.mean = F.lerp(kept.mean ?? 0, g, 1 - o.alpha));
      spread = F.addcmul(v, mean, mean, -1);
      exact = v - mean * mean;
      say.mean = mean;
    }
    const scale = F.r(F.sqrt(spread) + F.r(o.eps));
    say.scaled = g / (Math.sqrt(exact) + o.eps);
    if (!(o.momentum > 0)) return F.addcdiv(p, g, scale, -o.lr);
    const b = (kept.b = F.addcdiv(F.scale(kept.b ?? 0, o.momentum), g, scale, 1));
    say.b = b;
    return F.add(p, b, -o.lr);
  },
  Adagrad(F, p, g, kept, o, say) {
    const s = (kept.s = F.addcmul(kept.s ?? F.r(o.initial_accumulator_value), g, g));
    Object.assign(say, { s, scaled: g / (Math.sqrt(s) + o.eps) });
    return F.addcdiv(p, g, F.r(F.sqrt(s) + F.r(o.eps)), -o.lr / (1 + (kept.step - 1) * o.lr_decay));
  },
  Adadelta(F, p, g, kept, o, say) {
    const v = (kept.v = F.meanSquare(kept.v ?? 0, g, o.rho));
    const old = kept.u ?? 0;
    const d = F.r(F.r(F.sqrt(F.r(old + F.r(o.eps))) / F.sqrt(F.r(v + F.r(o.eps)))) * g);
    const u = (kept.u = F.meanSquare(old, d, o.rho));
    Object.assign(say, { v, u, d });
    return F.add(p, d, -o.lr);
  },
  Rprop(F, p, g, kept, o, say) {
    const agrees = F.r(g * (kept.previous ?? 0));
    const s = F.scale(kept.s ?? F.r(o.lr), agrees > 0 ? o.plus : agrees < 0 ? o.minus : 1);
    say.s = kept.s = Math.min(F.r(o.most), Math.max(F.r(o.least), s));
    kept.previous = agrees < 0 ? 0 : g;
    return F.r(p - F.r(Math.sign(kept.previous) * kept.s));
  },
  ASGD(F, p, g, kept, o, say) {
    const eta = kept.eta ?? F.r(o.lr);
    const mu = kept.mu ?? 1;
    const here = F.add(F.scale(p, 1 - o.lambd * eta), g, -eta);
    kept.ax = mu === 1 ? here : F.r((kept.ax ?? 0) + F.scale(F.r(here - (kept.ax ?? 0)), mu));
    kept.eta = F.r(o.lr / (1 + o.lambd * o.lr * kept.step) ** o.alpha);
    kept.mu = F.r(1 / Math.max(1, kept.step - o.t0));
    Object.assign(say, { ax: kept.ax, eta: kept.eta });
    return here;
  },
};

const PAIRS: Record<string, string[]> = { betas: ["beta1", "beta2"], etas: ["minus", "plus"], step_sizes: ["least", "most"] };

/** The options of one parameter at one step, as numbers. */
function options(recipe: Recipe, parameter: number, step: number): Options {
  const out: Options = {};
  const given: Settings = { ...recipe.settings[parameter] };
  for (const [name, rows] of Object.entries(recipe.schedule)) {
    const row = rows[Math.min(step, rows.length - 1)];
    if (row) given[name] = row[parameter];
  }
  for (const [name, value] of Object.entries(given)) {
    if (Array.isArray(value)) (PAIRS[name] ?? []).forEach((one, i) => (out[one] = value[i]));
    else out[name] = Number(value ?? 0);
  }
  return out;
}

/** What one step makes of one parameter, given its gradient; `say` takes the parts of the step. */
export function moved(F: Arithmetic, recipe: Recipe, step: number, i: number, p: number, used: number, kept: Kept, say: Terms): number {
  if (!Object.keys(recipe.settings[i]).length) return p;
  const o = options(recipe, i, step);
  let g = o.maximize ? -used : used;
  let from = p;
  // Rprop has no such option; where it is 0 for this parameter but not for another, the part is 0
  if (o.weight_decay && o.decoupled_weight_decay) {
    from = F.scale(p, 1 - o.lr * o.weight_decay);
    say.shrink = -o.lr * o.weight_decay * p;
  } else if (o.weight_decay) {
    g = F.add(g, p, o.weight_decay);
    say.decay = o.weight_decay * p;
  }
  kept.step++;
  return RULES[recipe.kind](F, from, g, kept, o, say);
}

/** Walk `steps` steps on a recorded function. */
export function descend(program: Program, start: number[], steps: number, recipe: Recipe, single: boolean): Walk {
  const F = new Arithmetic(single);
  const point = start.map(F.r);
  const kept: Kept[] = start.map(() => ({ step: 0 }));
  const out: Walk = { path: [], losses: [], grads: [], terms: {} };
  for (let k = 0; k <= steps; k++) {
    const { loss, grads } = evaluate(program, point, single);
    out.path.push([...point]);
    out.losses.push(loss);
    out.grads.push(grads);
    if (k === steps) break;
    const used = recipe.clip === null ? grads : clip(grads, "norm", recipe.clip, 2, F.r);
    const said = point.map((p, i) => {
      const say: Terms = { g: grads[i] };
      if (recipe.clip !== null) say.c = used[i];
      point[i] = moved(F, recipe, k, i, p, used[i], kept[i], say);
      return { ...say, step: point[i] - p };
    });
    for (const name of new Set(said.flatMap((s) => Object.keys(s)))) (out.terms[name] ??= []).push(said.map((s) => (s as Terms)[name] ?? 0));
  }
  return out;
}

/** The same with every gradient clipped in some way, which is kept instead of the parts of each step. */
export function clippedWalk(program: Program, start: number[], steps: number, recipe: Recipe, single: boolean, clipped: (grads: number[]) => number[]): ClippedWalk {
  const F = new Arithmetic(single);
  const kept: Kept[] = start.map(() => ({ step: 0 }));
  const out: ClippedWalk = { path: [], losses: [], grads: [], used: [] };
  for (let [k, point] = [0, start.map(F.r)]; k <= steps; k++) {
    const { loss, grads } = evaluate(program, point, single);
    const used = clipped(grads);
    out.path.push(point);
    out.losses.push(loss);
    out.grads.push(grads);
    out.used.push(used);
    point = point.map((p, i) => moved(F, recipe, k, i, p, used[i], kept[i], {}));
  }
  return out;
}

/** Keep every `stride`-th step of a walk, and the last. */
export function thin(walk: Walk, stride: number): Walk {
  if (stride === 1) return walk;
  const last = walk.losses.length - 1;
  const keep = <T>(rows: T[]): T[] => rows.filter((_, k) => k % stride === 0 || k === last);
  return { path: keep(walk.path), losses: keep(walk.losses), grads: keep(walk.grads), terms: Object.fromEntries(Object.entries(walk.terms).map(([name, rows]) => [name, keep(rows)])) };
}

/** The recipe with another rate. */
export const withRate = (recipe: Recipe, lr: number): Recipe => ({ ...recipe, settings: recipe.settings.map((s) => ("lr" in s ? { ...s, lr } : s)) });
