// Small tensors, flat: what what-if needs of the engine's other operations. As in scalar.ts every line is an operation of
// gradviz/core/ops with the gradients of its inputs, in the engine's order of operations; sums are added up as NumPy adds them.
import { ELEMENTS } from "./elements";
import { DOUBLE, OPS, type Options, type Round } from "./scalar";

export interface Tensor {
  shape: number[];
  data: number[];
}

type Maybe = Tensor | null;

/** How an operation on whole tensors runs; `shape` is that of its result, which values do not change. */
interface Whole {
  run(r: Round, x: Maybe[], s: Options, shape: number[]): Tensor;
  pull(r: Round, g: Tensor, x: Maybe[], out: Tensor, s: Options): Maybe[];
}

export const count = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
const filled = (shape: number[], v: number): Tensor => ({ shape, data: new Array<number>(count(shape)).fill(v) });
const map = (x: Tensor, f: (v: number, i: number) => number): Tensor => ({ shape: x.shape, data: x.data.map(f) });
const reshaped = (x: Tensor, shape: number[]): Tensor => ({ shape, data: x.data });

/** Steps between neighbours along each dimension, 0 where `shape` is stretched to `full`. */
function strides(shape: number[], full: number[]): number[] {
  const out = new Array<number>(full.length).fill(0);
  for (let i = shape.length - 1, step = 1; i >= 0; step *= shape[i--]) if (shape[i] !== 1) out[full.length - shape.length + i] = step;
  return out;
}

/** Every index of a shape in order, as one flat place for each of several sets of strides. */
function places(shape: number[], steps: number[][]): number[][] {
  const out: number[][] = [];
  const at = shape.map(() => 0);
  for (let n = count(shape); n > 0; n--) {
    out.push(steps.map((s) => at.reduce((sum, i, d) => sum + i * s[d], 0)));
    for (let d = shape.length - 1; d >= 0 && ++at[d] === shape[d]; d--) at[d] = 0;
  }
  return out;
}

function broadcast(a: number[], b: number[]): number[] {
  const n = Math.max(a.length, b.length);
  return Array.from({ length: n }, (_, i) => {
    const [p, q] = [a[a.length - n + i] ?? 1, b[b.length - n + i] ?? 1];
    return p === 1 ? q : p;
  });
}

/** One number for each element of `shape`, from tensors that are stretched to it. */
function each(shape: number[], x: Tensor[], f: (...v: number[]) => number): Tensor {
  const at = places(shape, x.map((t) => strides(t.shape, shape)));
  return { shape, data: at.map((p) => f(...p.map((i, k) => x[k].data[i]))) };
}
const both = (a: Tensor, b: Tensor, f: (p: number, q: number) => number): Tensor => each(broadcast(a.shape, b.shape), [a, b], f);

/** NumPy's sum of neighbours: eight running sums, so that its rounding is the engine's. */
export function sum(r: Round, v: number[]): number {
  if (v.length < 8) return v.reduce((a, b) => r(a + b), 0);
  if (v.length > 128) {
    const half = (v.length >> 1) - ((v.length >> 1) % 8);
    return r(sum(r, v.slice(0, half)) + sum(r, v.slice(half)));
  }
  const s = v.slice(0, 8);
  const whole = v.length - (v.length % 8);
  for (let i = 8; i < whole; i++) s[i % 8] = r(s[i % 8] + v[i]);
  let out = r(r(r(s[0] + s[1]) + r(s[2] + s[3])) + r(r(s[4] + s[5]) + r(s[6] + s[7])));
  for (let i = whole; i < v.length; i++) out = r(out + v[i]);
  return out;
}

const all = (shape: number[], dim: unknown): number[] => {
  const dims = dim === null || dim === undefined ? shape.map((_, i) => i) : ([] as number[]).concat(dim as number | number[]);
  return dims.map((d) => (d < 0 ? d + shape.length : d));
};
const kept = (shape: number[], dims: number[]): number[] => shape.map((n, i) => (dims.includes(i) ? 1 : n));

/** Groups of flat places that a reduction over `dims` puts together, in the order of its results. */
function groups(shape: number[], dims: number[]): number[][] {
  const small = kept(shape, dims);
  const out: number[][] = Array.from({ length: count(small) }, () => []);
  for (const [from, to] of places(shape, [strides(shape, shape), strides(small, shape)])) out[to].push(from);
  return out;
}

function reduce(x: Tensor, dim: unknown, shape: number[], f: (v: number[], last: boolean) => number): Tensor {
  const dims = all(x.shape, dim);
  const last = dims.length === x.shape.length || dims.includes(x.shape.length - 1);
  return { shape, data: groups(x.shape, dims).map((at) => f(at.map((i) => x.data[i]), last)) };
}
const total = (r: Round, x: Tensor, dim: unknown, shape: number[]): Tensor =>
  reduce(x, dim, shape, (v, last) => (last ? sum(r, v) : v.reduce((a, b) => r(a + b), 0)));

/** A reduction's tensor, stretched over what was reduced. */
const back = (g: Tensor, x: Tensor, dim: unknown): Tensor => each(x.shape, [reshaped(g, kept(x.shape, all(x.shape, dim)))], (v) => v);
const many = (x: Tensor, dim: unknown): number => all(x.shape, dim).reduce((n, d) => n * x.shape[d], 1);

/** Sum a gradient over what its input was stretched along. */
export function fit(r: Round, g: Tensor, shape: number[]): Tensor {
  if (g.shape.length === shape.length && g.shape.every((n, i) => n === shape[i])) return g;
  const lead = g.shape.length - shape.length;
  const dims = g.shape.flatMap((n, i) => (i < lead || (shape[i - lead] === 1 && n !== 1) ? [i] : []));
  return dims.length ? total(r, g, dims, shape) : reshaped(g, shape);
}

function permuted(x: Tensor, dims: number[]): Tensor {
  const step = strides(x.shape, x.shape);
  const shape = dims.map((d) => x.shape[d]);
  return { shape, data: places(shape, [dims.map((d) => (x.shape[d] === 1 ? 0 : step[d]))]).map(([i]) => x.data[i]) };
}
const swapped = (n: number, a: number, b: number): number[] => Array.from({ length: n }, (_, i) => (i === a ? b : i === b ? a : i));
const turn = (x: Tensor): Tensor => permuted(x, swapped(x.shape.length, x.shape.length - 2, x.shape.length - 1));

/** (..., n, k) times (..., k, m); the products are added up exactly and rounded once, as a fused multiply-add nearly does. */
function product(r: Round, a: Tensor, b: Tensor): Tensor {
  const [n, k] = a.shape.slice(-2);
  const m = b.shape[b.shape.length - 1];
  const lead = a.shape.slice(0, -2);
  const data: number[] = [];
  for (let p = 0; p < count(lead); p++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        let s = 0;
        for (let q = 0; q < k; q++) s += a.data[p * n * k + i * k + q] * b.data[p * k * m + q * m + j];
        data.push(r(s));
      }
  return { shape: [...lead, n, m], data };
}
const column = (x: Tensor): Tensor => reshaped(x, [x.shape[0], 1]);
const row = (x: Tensor): Tensor => reshaped(x, [1, x.shape[0]]);

/** The part of `x` that an index along one dimension picks, and its adjoint. */
function picked(x: Tensor, dim: number, at: number[], shape: number[]): Tensor {
  const step = strides(x.shape, x.shape)[dim];
  const full = x.shape.map((n, d) => (d === dim ? at.length : n));
  const s = strides(x.shape, x.shape);
  return { shape, data: places(full, [s.map((v, d) => (d === dim ? 0 : v)), full.map((_, d) => (d === dim ? 1 : 0))]).map(([i, k]) => x.data[i + at[k] * (x.shape[dim] === 1 ? 0 : step)]) };
}
function placed(g: Tensor, shape: number[], dim: number, at: number[]): Tensor {
  const out = filled(shape, 0);
  const s = strides(shape, shape);
  const full = shape.map((n, d) => (d === dim ? at.length : n));
  places(full, [s.map((v, d) => (d === dim ? 0 : v)), full.map((_, d) => (d === dim ? 1 : 0))]).forEach(([i, k], j) => (out.data[i + at[k] * s[dim]] = g.data[j]));
  return out;
}
function range(s: Options, n: number): number[] {
  const number = (v: unknown, otherwise: number): number => (typeof v === "number" ? (v < 0 ? v + n : v) : otherwise);
  const step = typeof s.step === "number" ? s.step : 1;
  const out: number[] = [];
  for (let i = number(s.start, 0); i < Math.min(n, number(s.stop, n)); i += step) out.push(i);
  return out;
}

const same: Whole = { run: (_r, [x], _s, shape) => reshaped(x!, shape), pull: (_r, g, [x]) => [reshaped(g, x!.shape)] };
const joined = (begin: (x: Maybe[], i: number, dim: number) => number[], shapeOf: (x: Tensor, dim: number) => number[]): Whole => ({
  run(_r, x, s, shape) {
    const out = filled(shape, 0);
    x.forEach((part, i) => placed(part!, shape, s.dim as number, begin(x, i, s.dim as number)).data.forEach((v, j) => (out.data[j] += v)));
    return out;
  },
  pull: (_r, g, x, _out, s) => x.map((part, i) => picked(g, s.dim as number, begin(x, i, s.dim as number), shapeOf(part!, s.dim as number))),
});

/** `max(x, dim)` takes the first of equal ones. */
const first = (v: number[], better: (a: number, b: number) => boolean): number => v.reduce((best, x, i) => (better(x, v[best]) || (Number.isNaN(x) && !Number.isNaN(v[best])) ? i : best), 0);
const arg = (better: (a: number, b: number) => boolean): Whole => ({
  run: (_r, [x], s, shape) => (x!.shape.length ? reduce(x!, s.dim, shape, (v) => v[first(v, better)]) : x!),
  pull(_r, g, [x], _out, s) {
    const out = filled(x!.shape, 0);
    groups(x!.shape, all(x!.shape, s.dim)).forEach((at, k) => (out.data[at[first(at.map((i) => x!.data[i]), better)]] = g.data[k]));
    return [out];
  },
});
const extreme = (f: (...v: number[]) => number): Whole => ({
  run: (_r, [x], s, shape) => reduce(x!, s.dim, shape, (v) => f(...v)),
  pull(r, g, [x], out, s) {
    const made = filled(x!.shape, 0);
    groups(x!.shape, all(x!.shape, s.dim)).forEach((at, k) => {
      const hits = at.filter((i) => x!.data[i] === out.data[k]);
      for (const i of hits) made.data[i] = r(g.data[k] / hits.length);
    });
    return [made];
  },
});

const moved = (r: Round, x: Tensor, dim: unknown): Tensor => each(x.shape, [x, back(reduce(x, dim, [], (v) => Math.max(...v)), x, dim)], (a, top) => r(a - top));
const exps = (r: Round, x: Tensor): Tensor => map(x, (v) => r(Math.exp(v)));
const over = (r: Round, x: Tensor, dim: unknown): Tensor => back(total(r, x, dim, []), x, dim);
const line = (x: Tensor): Tensor => (x.shape.length ? x : reshaped(x, [1]));

const spread = (r: Round, x: Tensor, s: Options, shape: number[]): Tensor => {
  const far = map(centred(r, x, s.dim), (v) => r(Math.abs(v) * Math.abs(v)));
  const free = many(x, s.dim) - (s.correction as number);
  return map(total(r, far, s.dim, shape), (v) => r(v / Math.max(free, 0)));
};
const centred = (r: Round, x: Tensor, dim: unknown): Tensor => each(x.shape, [x, back(map(total(r, x, dim, []), (v) => r(v / many(x, dim))), x, dim)], (a, m) => r(a - m));

// -- losses: a number for each element, then their sum or mean -----------------------------------------------------------
const gathered = (r: Round, x: Tensor, s: Options, shape: number[]): Tensor => {
  if (s.reduction === "none") return x;
  const t = sum(r, x.data);
  return { shape, data: [s.reduction === "sum" ? t : r(t / (x.data.length || NaN))] };
};
const part = (r: Round, g: Tensor, x: Tensor, s: Options): Tensor => (s.reduction === "mean" ? map(g, (v) => r(v / x.data.length)) : g);
const distance = (f: (r: Round, x: number, t: number, s: Record<string, number>) => number, slope: (r: Round, x: number, t: number, g: number, s: Record<string, number>) => number): Whole => ({
  run: (r, [x, t], s, shape) => gathered(r, both(x!, t!, (a, b) => f(r, a, b, s as Record<string, number>)), s, shape),
  pull(r, g, [x, t], _out, s) {
    const made = each(broadcast(x!.shape, t!.shape), [x!, t!, part(r, g, x!, s)], (a, b, u) => slope(r, a, b, u, s as Record<string, number>));
    return [made, map(made, (v) => -v)];
  },
});
const soft = (r: Round, x: number): number => r(r(Math.log1p(r(Math.exp(-Math.abs(x))))) + Math.max(-x, 0)); // -log sigmoid(x)
const limit = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);
const chosen = (x: Tensor, target: Tensor): number[] => {
  const [rows, classes] = x.shape.length === 1 ? [1, x.shape[0]] : x.shape;
  return Array.from({ length: rows }, (_, i) => {
    const c = target.data[i];
    if (!(c >= 0 && c < classes)) throw new RangeError(`class ${c} is not one of the ${classes} classes, 0 to ${classes - 1}`);
    return i * classes + c;
  });
};

export const WHOLE: Record<string, Whole> = {
  // -- the same elements --
  view: same, unsafe_view: same, reshape_alias: same, squeeze: same, squeeze_dims: same, unsqueeze: same, alias: same, clone: same, only_row: same, detach: same, cast: same,
  expand: { run: (_r, [x], _s, shape) => each(shape, [x!], (v) => v), pull: (_r, g) => [g] },
  permute: {
    run: (_r, [x], s) => permuted(x!, s.dims as number[]),
    pull: (_r, g, _x, _out, s) => [permuted(g, (s.dims as number[]).map((_, i) => (s.dims as number[]).indexOf(i)))],
  },
  transpose: {
    run: (_r, [x], s) => (x!.shape.length ? permuted(x!, swapped(x!.shape.length, s.dim0 as number, s.dim1 as number)) : x!),
    pull: (_r, g, _x, _out, s) => [g.shape.length ? permuted(g, swapped(g.shape.length, s.dim0 as number, s.dim1 as number)) : g],
  },
  t: { run: (_r, [x]) => (x!.shape.length < 2 ? x! : turn(x!)), pull: (_r, g) => [g.shape.length < 2 ? g : turn(g)] },
  select: {
    run: (_r, [x], s, shape) => picked(x!, s.dim as number, [s.index as number], shape),
    pull: (_r, g, [x], _out, s) => [placed(g, x!.shape, s.dim as number, [s.index as number])],
  },
  slice: {
    run: (_r, [x], s, shape) => picked(x!, s.dim as number, range(s, x!.shape[s.dim as number]), shape),
    pull: (_r, g, [x], _out, s) => [placed(g, x!.shape, s.dim as number, range(s, x!.shape[s.dim as number]))],
  },
  flip: { run: (_r, [x], s) => flipped(x!, s.dims as number[]), pull: (_r, g, _x, _out, s) => [flipped(g, s.dims as number[])] },
  cat: joined((x, i, dim) => {
    const from = x.slice(0, i).reduce((n, t) => n + t!.shape[dim], 0);
    return Array.from({ length: x[i]!.shape[dim] }, (_, k) => from + k);
  }, (x) => x.shape),
  stack: joined((_x, i) => [i], (x) => x.shape),
  // -- many to few --
  sum: { run: (r, [x], s, shape) => total(r, x!, s.dim, shape), pull: (_r, g, [x], _out, s) => [back(g, x!, s.dim)] },
  mean: {
    run: (r, [x], s, shape) => map(total(r, x!, s.dim, shape), (v) => r(v / many(x!, s.dim))),
    pull: (r, g, [x], _out, s) => [map(back(g, x!, s.dim), (v) => r(v / many(x!, s.dim)))],
  },
  logsumexp: {
    run(r, [x], s, shape) {
      if (!x!.shape.length) return x!;
      return reduce(x!, s.dim, shape, (v) => {
        const most = Math.max(...v);
        const top = Number.isFinite(most) ? most : 0;
        return r(r(Math.log(sum(r, v.map((a) => r(Math.exp(r(a - top))))))) + top);
      });
    },
    pull: (r, g, [x], out, s) => [each(x!.shape, [back(g, x!, s.dim), x!, back(out, x!, s.dim)], (u, a, o) => r(u * r(Math.exp(r(a - o)))))],
  },
  amax: extreme(Math.max), amin: extreme(Math.min), max_all: extreme(Math.max), min_all: extreme(Math.min),
  max_dim: arg((a, b) => a > b), min_dim: arg((a, b) => a < b),
  var: {
    run: (r, [x], s, shape) => spread(r, x!, s, shape),
    pull(r, g, [x], _out, s) {
      const free = many(x!, s.dim) - (s.correction as number);
      return [both(back(g, x!, s.dim), centred(r, x!, s.dim), (u, c) => (free > 0 ? r(r(u * r(2 / free)) * c) : r(u * (c === 0 ? NaN : Infinity))))];
    },
  },
  std: {
    run: (r, [x], s, shape) => map(spread(r, x!, s, shape), (v) => r(Math.sqrt(v))),
    pull(r, g, [x], out, s) {
      const free = many(x!, s.dim) - (s.correction as number);
      const each_ = both(g, out, (u, o) => (o === 0 ? 0 : r(u / o)));
      return [both(back(each_, x!, s.dim), centred(r, x!, s.dim), (u, c) => r(r(u * r(free > 0 ? 1 / free : Infinity)) * c))];
    },
  },
  prod: {
    run: (r, [x], s, shape) => reduce(x!, s.dim, shape, (v) => v.reduce((a, b) => r(a * b), 1)),
    pull(r, g, [x], _out, s) {
      const made = filled(x!.shape, 0);
      groups(x!.shape, all(x!.shape, s.dim)).forEach((at, k) => at.forEach((i) => (made.data[i] = r(g.data[k] * at.reduce((p, j) => (j === i ? p : p * x!.data[j]), 1)))));
      return [made];
    },
  },
  cumsum: {
    run: (r, [x], s) => running(r, x!, s.dim as number, false),
    pull: (r, g, _x, _out, s) => [running(r, g, s.dim as number, true)],
  },
  // -- products --
  mm: { run: (r, [a, b]) => product(r, a!, b!), pull: (r, g, [a, b]) => [product(r, g, turn(b!)), product(r, turn(a!), g)] },
  bmm: { run: (r, [a, b]) => product(r, a!, b!), pull: (r, g, [a, b]) => [product(r, g, turn(b!)), product(r, turn(a!), g)] },
  mv: {
    run: (r, [a, b], _s, shape) => reshaped(product(r, a!, column(b!)), shape),
    pull: (r, g, [a, b]) => [both(column(g), b!, (u, v) => r(u * v)), reshaped(product(r, turn(a!), column(g)), b!.shape)],
  },
  dot: {
    run: (r, [a, b], _s, shape) => reshaped(product(r, row(a!), column(b!)), shape),
    pull: (r, g, [a, b]) => [both(g, b!, (u, v) => r(u * v)), both(g, a!, (u, v) => r(u * v))],
  },
  addmm: {
    run(r, [x, a, b], s) {
      const alpha = r(s.alpha as number);
      const beta = r(s.beta as number);
      const made = product(r, a!, b!);
      return both(alpha === 1 ? made : map(made, (v) => r(v * alpha)), x!, (p, q) => (beta === 0 ? p : r(p + (beta === 1 ? q : r(q * beta)))));
    },
    pull(r, g, [, a, b], _out, s) {
      const by = (t: Tensor, f: number): Tensor => (f === 1 ? t : map(t, (v) => r(v * r(f))));
      return [by(g, s.beta as number), by(product(r, g, turn(b!)), s.alpha as number), by(product(r, turn(a!), g), s.alpha as number)];
    },
  },
  // -- probabilities --
  softmax: {
    run(r, [x], s, shape) {
      const e = exps(r, moved(r, line(x!), s.dim));
      return reshaped(both(e, over(r, e, s.dim), (a, t) => r(a / t)), shape);
    },
    pull(r, g, [x], out, s) {
      const [u, o] = [line(g), line(out)];
      const t = over(r, both(u, o, (a, b) => r(a * b)), s.dim);
      return [reshaped(each(o.shape, [o, u, t], (p, a, b) => r(p * r(a - b))), x!.shape)];
    },
  },
  log_softmax: {
    run(r, [x], s, shape) {
      const m = moved(r, line(x!), s.dim);
      return reshaped(both(m, over(r, exps(r, m), s.dim), (a, t) => r(a - r(Math.log(t)))), shape);
    },
    pull(r, g, [x], out, s) {
      const [u, o] = [line(g), line(out)];
      return [reshaped(each(o.shape, [u, o, over(r, u, s.dim)], (a, p, t) => r(a - r(r(Math.exp(p)) * t))), x!.shape)];
    },
  },
  nll_loss: {
    run(r, [x, target], s, shape) {
      const v = chosen(x!, target!).map((i) => x!.data[i]);
      if (s.reduction === "none") return { shape, data: v.map((a) => -a) };
      const t = -sum(r, v);
      return { shape, data: [s.reduction === "sum" ? t : r(t * r(1 / v.length))] };
    },
    pull(r, g, [x, target], _out, s) {
      const made = filled(x!.shape, 0);
      const at = chosen(x!, target!);
      at.forEach((i, k) => (made.data[i] = s.reduction === "mean" ? r(-g.data[0] * r(1 / at.length)) : -g.data[s.reduction === "none" ? k : 0]));
      return [made];
    },
  },
  mse_loss: distance((r, x, t) => r(r(x - t) * r(x - t)), (r, x, t, g) => r(r(x - t) * r(g * 2))),
  smooth_l1_loss: distance(
    (r, x, t, { beta }) => {
      const far = Math.abs(r(x - t));
      return far < r(beta) ? r(r(far * far) * r(0.5 / beta)) : r(far - r(0.5 * beta));
    },
    (r, x, t, g, { beta }) => r(limit(r(r(x - t) / r(beta)), -1, 1) * g),
  ),
  huber_loss: distance(
    (r, x, t, { delta }) => {
      const far = Math.abs(r(x - t));
      return far <= r(delta) ? r(r(far * far) * 0.5) : r(r(far - r(0.5 * delta)) * r(delta));
    },
    (r, x, t, g, { delta }) => r(limit(r(x - t), r(-delta), r(delta)) * g),
  ),
  binary_cross_entropy: {
    run(r, [x, t], s, shape) {
      if (![...x!.data, ...t!.data].every((v) => v >= 0 && v <= 1)) throw new RangeError("binary_cross_entropy needs numbers between 0 and 1");
      const log = (v: number): number => Math.max(r(v), -100);
      return gathered(r, both(x!, t!, (a, b) => r(r(r(b - 1) * log(Math.log1p(-a))) - r(b * log(Math.log(a))))), s, shape);
    },
    pull(r, g, [x, t], _out, s) {
      const u = part(r, g, x!, s);
      return [
        each(x!.shape, [x!, t!, u], (a, b, v) => r(r(r(a - b) / Math.max(r(a * r(1 - a)), r(1e-12))) * v)),
        each(x!.shape, [x!, u], (a, v) => r(r(r(Math.log1p(-a)) - r(Math.log(a))) * v)),
      ];
    },
  },
  binary_cross_entropy_with_logits: {
    run: (r, [x, t], s, shape) => gathered(r, both(x!, t!, (a, b) => r(r(r(1 - b) * a) + soft(r, a))), s, shape),
    pull(r, g, [x, t], _out, s) {
      const u = part(r, g, x!, s);
      const sigmoid = (a: number): number => OPS.sigmoid.run(r, [a], {});
      return [each(x!.shape, [x!, t!, u], (a, b, v) => r(r(sigmoid(a) - b) * v)), each(x!.shape, [x!, u], (a, v) => r(-a * v))];
    },
  },
};

function flipped(x: Tensor, dims: number[]): Tensor {
  return dims.reduce((t, d) => picked(t, d, Array.from({ length: t.shape[d] }, (_, i) => t.shape[d] - 1 - i), t.shape), x);
}

function running(r: Round, x: Tensor, dim: number, fromEnd: boolean): Tensor {
  if (!x.shape.length) return x;
  const out = filled(x.shape, 0);
  for (const at of groups(x.shape, [dim])) {
    let s = 0; // kept in double precision, as the engine keeps it
    for (const i of fromEnd ? at.reverse() : at) out.data[i] = r((s += x.data[i]));
  }
  return out;
}

const ROUNDED = new Set(["float32"]);
export const rounding = (dtype: string): Round => (ROUNDED.has(dtype) ? Math.fround : DOUBLE);

/** The result of an operation. */
export function run(op: string, r: Round, x: Maybe[], s: Options, shape: number[]): Tensor {
  const rule = ELEMENTS[op];
  return rule ? each(shape, x.map((t) => t ?? filled([], NaN)), (...v) => rule.run(r, v, s)) : WHOLE[op].run(r, x, s, shape);
}

/** The gradients of an operation's inputs, before they are fitted to the inputs' shapes. */
export function pull(op: string, r: Round, g: Tensor, x: Maybe[], out: Tensor, s: Options): Maybe[] {
  const rule = ELEMENTS[op];
  if (!rule) return WHOLE[op].pull(r, g, x, out, s);
  const given = x.map((t) => t ?? filled([], NaN));
  const made: Tensor[] = [];
  const at = places(out.shape, [g, ...given, out].map((t) => strides(t.shape, out.shape)));
  at.forEach(([i, ...rest], n) => {
    const o = rest.pop()!;
    rule.pull(r, g.data[i], rest.map((p, k) => given[k].data[p]), out.data[o], s).forEach((v, k) => ((made[k] ??= filled(out.shape, 0)).data[n] = v));
  });
  return made;
}
