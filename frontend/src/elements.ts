// The rest of the engine's elementwise operations, for what-if: as in scalar.ts, each with the gradient rule of each input, in
// the engine's order of operations and rounded where it rounds.
import { real } from "./real";
import { one, OPS, sigmoid, two, type Round, type Rule } from "./scalar";
import type { Num } from "./types";

/** One input and settings that are numbers. */
const set = (
  run: (r: Round, a: number, s: Record<string, number>) => number,
  pull: (r: Round, g: number, a: number, s: Record<string, number>, out: number) => number,
): Rule => ({
  run: (r, [a], s) => run(r, a, s as Record<string, number>),
  pull: (r, g, [a], out, s) => [pull(r, g, a, s as Record<string, number>, out)],
});
const flat = (run: (a: number) => number): Rule => one(run, () => 0);
const truth = (run: (a: number, b: number) => boolean): Rule => ({ run: (_r, [a, b]) => (run(a, b) ? 1 : 0), pull: () => [] });

// -- what several rules share ----------------------------------------------------------------------------------------
const logOnePlusExp = (r: Round, x: number): number => r(r(Math.log1p(r(Math.exp(-Math.abs(x))))) + Math.max(x, 0));
const even = (x: number): number => {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 === 0 ? low : low + 1;
};
const modulo = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest === 0 && b < 0 ? -0 : rest === 0 ? 0 : rest;
};
const SLOPE = 2 / Math.sqrt(Math.PI); // of erf at zero
const LN2 = Math.LN2;
const LN10 = Math.LN10;

/** The error function: a series of positive terms near zero, a continued fraction beyond (Abramowitz and Stegun 7.1.6, 7.1.14). */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (a > 2.5) return Math.sign(x) * (1 - erfc(a));
  let term = x;
  let sum = x;
  for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return SLOPE * Math.exp(-x * x) * sum;
}

export function erfc(x: number): number {
  if (x < 2.5) return 1 - erf(x);
  let f = 0;
  for (let k = 60; k > 0; k--) f = k / 2 / (x + f);
  return Math.exp(-x * x) / ((x + f) * Math.sqrt(Math.PI));
}

const K = Math.sqrt(2 / Math.PI);
/** tanh of the cubic in the quick form of GELU. */
const inner = (r: Round, x: number): number => r(Math.tanh(r(r(x + r(r(r(x * x) * x) * r(0.044715))) * r(K))));
function gelu(r: Round, x: number, quick: boolean): number {
  const t = quick ? inner(r, x) : r(erf(r(x * r(Math.sqrt(0.5)))));
  return r(r(x * r(t + 1)) * 0.5);
}
function geluSlope(r: Round, x: number, quick: boolean): number {
  if (!quick) {
    const area = r(r(r(erf(r(x * r(Math.sqrt(0.5))))) * 0.5) + 0.5);
    return r(area + r(r(x * r(Math.exp(r(r(x * x) * -0.5)))) * r(1 / Math.sqrt(2 * Math.PI))));
  }
  const t = inner(r, x);
  const steep = r(r(x * r(1 - r(t * t))) * r(r(r(x * x) * r(3 * 0.044715)) + 1));
  return r(r(r(t + 1) * 0.5) + r(steep * r(0.5 * K)));
}
function eluSlope(r: Round, x: number, alpha: number, scale: number, inputScale: number): number {
  return x > 0 ? r(scale) : r(r(Math.exp(r(Math.min(x, 0) * r(inputScale)))) * r(alpha * scale * inputScale));
}
function elu(r: Round, x: number, alpha: number, scale: number, inputScale: number): number {
  return r(r(r(r(Math.expm1(r(Math.min(x, 0) * r(inputScale)))) * r(alpha)) + Math.max(x, 0)) * r(scale));
}

export const ELEMENTS: Record<string, Rule> = {
  ...OPS,
  // -- arithmetic --
  add_scalar: two((r, a, b) => r(a + b), (_r, g) => [g]),
  sub_scalar: two((r, a, b) => r(a - b), (_r, g) => [g]),
  mul_scalar: two((r, a, b) => r(a * b), (r, g, _a, b) => [r(g * b)]),
  div_scalar: two((r, a, b) => r(a / b), (r, g, _a, b) => [r(g / b)]),
  scale: set((r, a, { by }) => r(a * r(by)), (r, g, _a, { by }) => r(g * r(by))),
  shift: set((r, a, { by }) => r(a + r(by)), (_r, g) => g),
  deg2rad: one((a, r) => a * r(Math.PI / 180), (r, g) => g * r(Math.PI / 180)),
  rad2deg: one((a, r) => a * r(180 / Math.PI), (r, g) => g * r(180 / Math.PI)),
  addcmul: {
    run: (r, [x, a, b], s) => r(x + r(r(a * b) * r(s.value as number))),
    pull: (r, g, [, a, b], _out, s) => [g, r(r(g * b) * r(s.value as number)), r(r(g * a) * r(s.value as number))],
  },
  addcdiv: {
    run: (r, [x, a, b], s) => r(x + r(r(a / b) * r(s.value as number))),
    pull: (r, g, [, a, b], _out, s) => [g, r(g * r(r(s.value as number) / b)), r(-g * r(r(r(s.value as number) * a) / r(b * b)))],
  },
  lerp: {
    run: (r, [a, b, w]) => {
      const step = r(b - a);
      return Math.abs(w) < 0.5 ? r(a + r(w * step)) : r(b - r(step * r(1 - w)));
    },
    pull: (r, g, [a, b, w]) => [r(g * r(1 - w)), r(g * w), r(g * r(b - a))],
  },
  // -- powers, exponentials, logarithms --
  exp2: one((a) => 2 ** a, (r, g, _a, out) => r(g * out) * r(LN2)),
  log2: one(Math.log2, (r, g, a) => g / r(a * r(LN2))),
  log10: one(Math.log10, (r, g, a) => g / r(a * r(LN10))),
  logaddexp: two(
    (r, a, b) => (a === b ? r(a + r(LN2)) : r(Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))))),
    (r, g, a, b) => [r(g / r(1 + r(Math.exp(r(b - a))))), r(g / r(1 + r(Math.exp(r(a - b)))))],
  ),
  logaddexp2: two(
    (r, a, b) => (a === b ? r(a + 1) : r(Math.max(a, b) + Math.log1p(2 ** -Math.abs(a - b)) / LN2)),
    (r, g, a, b) => [r(g / r(1 + r(2 ** r(b - a)))), r(g / r(1 + r(2 ** r(a - b))))],
  ),
  xlogy: two((r, a, b) => (a === 0 && !Number.isNaN(b) ? 0 : r(a * Math.log(b))), (r, g, a, b) => [a === 0 && b <= 0 ? 0 : r(g * r(Math.log(b))), r(r(g * a) / b)]),
  logit: {
    run: (r, [a], s) => {
      const eps = s.eps as number | null;
      const x = typeof eps === "number" ? Math.min(Math.max(a, r(eps)), r(1 - eps)) : a;
      return r(Math.log(r(x / r(1 - x))));
    },
    pull: (r, g, [a], _out, s) => {
      const eps = s.eps as number | null;
      const free = typeof eps !== "number" || eps < 0;
      const outside = a < (free ? 0 : r(eps as number)) || a > (free ? 1 : r(1 - (eps as number)));
      return [outside ? (free ? NaN : 0) : r(g / r(a * r(1 - a)))];
    },
  },
  special_entr: one((a) => (a > 0 ? -a * Math.log(a) : a === 0 ? 0 : a < 0 ? -Infinity : NaN), (r, g, a) => -g * r(1 + r(Math.log(a)))),
  // -- circular and hyperbolic functions --
  asin: one(Math.asin, (r, g, a) => g * r(1 / r(Math.sqrt(r(1 - r(a * a)))))),
  acos: one(Math.acos, (r, g, a) => -g * r(1 / r(Math.sqrt(r(1 - r(a * a)))))),
  asinh: one(Math.asinh, (r, g, a) => g * r(1 / r(Math.sqrt(r(r(a * a) + 1))))),
  acosh: one(Math.acosh, (r, g, a) => g * r(1 / r(Math.sqrt(r(r(a * a) - 1))))),
  atanh: one(Math.atanh, (r, g, a) => g / r(1 - r(a * a))),
  sinc: one(
    (a, r) => (a === 0 ? 1 : r(Math.sin(r(a * r(Math.PI)))) / r(a * r(Math.PI))),
    (r, g, a, out) => (a === 0 ? 0 : g * r(r(r(Math.cos(r(a * r(Math.PI)))) - out) / a)),
  ),
  atan2: two((r, a, b) => r(Math.atan2(a, b)), (r, g, a, b) => {
    const square = r(r(a * a) + r(b * b));
    return [r(r(g * b) / square), r(r(-g * a) / square)];
  }),
  hypot: two((r, a, b) => r(Math.hypot(a, b)), (r, g, a, b, out) => [r(r(g * a) / out), r(r(g * b) / out)]),
  // -- pieces --
  fmax: two((_r, a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)), (_r, g, a, b) => (a >= b || Number.isNaN(b) ? [g, 0] : [0, g])),
  fmin: two((_r, a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)), (_r, g, a, b) => (a <= b || Number.isNaN(b) ? [g, 0] : [0, g])),
  clamp: {
    run: (r, [a], s) => {
      const low = s.min === null || s.min === undefined ? a : Math.max(a, r(real(s.min as Num)));
      return s.max === null || s.max === undefined ? low : Math.min(low, r(real(s.max as Num)));
    },
    pull: (r, g, [a], _out, s) => {
      const above = s.min === null || s.min === undefined || a >= r(real(s.min as Num));
      return [above && (s.max === null || s.max === undefined || a <= r(real(s.max as Num))) ? g : 0];
    },
  },
  clamp_min: two((_r, a, b) => Math.max(a, b), (_r, g, a, b) => (a >= b ? [g, 0] : a < b ? [0, g] : [0, 0])),
  clamp_max: two((_r, a, b) => Math.min(a, b), (_r, g, a, b) => (a <= b ? [g, 0] : a > b ? [0, g] : [0, 0])),
  where: { run: (_r, [c, a, b]) => (c ? a : b), pull: (_r, g, [c]) => [0, c ? g : 0, c ? 0 : g] },
  copysign: two((_r, a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)), (r, g, a, _b, out) => [r(g * (a === 0 ? 0 : r(out / a))), 0]),
  sign: flat((a) => (Number.isNaN(a) ? 0 : Math.sign(a))),
  sgn: flat((a) => (Number.isNaN(a) ? 0 : Math.sign(a))),
  floor: flat(Math.floor),
  ceil: flat(Math.ceil),
  trunc: flat(Math.trunc),
  frac: one((a) => a - Math.trunc(a), (_r, g) => g),
  round: {
    run: (r, [a], s) => {
      const places = (s.decimals as number | null) ?? 0;
      const by = 10 ** Math.abs(places);
      return places === 0 ? even(a) : places > 0 ? r(even(r(a * r(by))) / r(by)) : r(even(r(a / r(by))) * r(by));
    },
    pull: () => [0],
  },
  remainder: two((r, a, b) => r(modulo(a, b)), (r, g, a, b) => [g, r(-g * Math.floor(r(a / b)))]),
  fmod: two((r, a, b) => r(a % b), (r, g, a, b) => [g, r(-g * Math.trunc(r(a / b)))]),
  // -- activations --
  leaky_relu: set((r, a, { negative_slope: k }) => (a > 0 ? a : r(a * r(k))), (r, g, a, { negative_slope: k }) => (a > 0 ? g : r(g * r(k)))),
  prelu: two((r, a, w) => (a > 0 ? a : r(a * w)), (r, g, a, w) => [a > 0 ? g : r(g * w), a > 0 ? 0 : r(g * a)]),
  hardtanh: set((r, a, { min_val: m, max_val: n }) => Math.min(Math.max(a, r(m)), r(n)), (r, g, a, { min_val: m, max_val: n }) => g * Number(a > r(m) && a < r(n))),
  hardsigmoid: one((a, r) => r(Math.min(Math.max(r(a + 3), 0), 6)) / 6, (r, g, a) => r(g * Number(a > -3 && a < 3)) / 6),
  hardswish: one((a, r) => r(a * Math.min(Math.max(r(a + 3), 0), 6)) / 6, (r, g, a) => (a <= -3 ? 0 : a < 3 ? g * r(r(a / 3) + 0.5) : g)),
  hardshrink: set((r, a, { lambd: k }) => (a >= r(-k) && a <= r(k) ? 0 : a), (r, g, a, { lambd: k }) => g * Number(a < r(-k) || a > r(k))),
  softshrink: set((r, a, { lambd: k }) => (a > r(k) ? r(a - r(k)) : a < r(-k) ? r(a + r(k)) : a * 0), (r, g, a, { lambd: k }) => g * Number(a < r(-k) || a > r(k))),
  threshold: set((r, a, { threshold: t, value: v }) => (a <= r(t) ? r(v) : a), (r, g, a, { threshold: t }) => (a <= r(t) ? 0 : g)),
  silu: one((a, r) => a * sigmoid(a, r), (r, g, a) => {
    const s = sigmoid(a, r);
    return g * r(s * r(r(a * r(1 - s)) + 1));
  }),
  softplus: set(
    (r, a, { beta, threshold }) => (r(a * r(beta)) > r(threshold) ? a : r(logOnePlusExp(r, r(a * r(beta))) / r(beta))),
    (r, g, a, { beta, threshold }) => (r(a * r(beta)) > r(threshold) ? g : r(g * sigmoid(r(a * r(beta)), r))),
  ),
  logsigmoid: one((a, r) => -logOnePlusExp(r, -a), (r, g, a) => g * sigmoid(-a, r)),
  mish: one((a, r) => a * r(Math.tanh(logOnePlusExp(r, a))), (r, g, a) => {
    const t = r(Math.tanh(a > 20 ? a : logOnePlusExp(r, a)));
    return g * r(t + r(r(a * sigmoid(a, r)) * r(1 - r(t * t))));
  }),
  gelu: {
    run: (r, [a], s) => gelu(r, a, s.approximate === "tanh"),
    pull: (r, g, [a], _out, s) => [r(g * geluSlope(r, a, s.approximate === "tanh"))],
  },
  elu: set(
    (r, a, { alpha, scale, input_scale }) => elu(r, a, alpha, scale, input_scale),
    (r, g, a, { alpha, scale, input_scale }) => r(g * eluSlope(r, a, alpha, scale, input_scale)),
  ),
  celu: set((r, a, { alpha }) => elu(r, a, alpha, 1, 1 / alpha), (r, g, a, { alpha }) => r(g * eluSlope(r, a, alpha, 1, 1 / alpha))),
  erf: one(erf, (r, g, a) => r(g * r(SLOPE)) * r(Math.exp(r(-a * a)))),
  erfc: one(erfc, (r, g, a) => r(-g * r(SLOPE)) * r(Math.exp(r(-a * a)))),
  // -- answers: no gradient --
  eq: truth((a, b) => a === b),
  ne: truth((a, b) => a !== b),
  lt: truth((a, b) => a < b),
  le: truth((a, b) => a <= b),
  gt: truth((a, b) => a > b),
  ge: truth((a, b) => a >= b),
  logical_not: truth((a) => !a),
  logical_and: truth((a, b) => !!a && !!b),
  logical_or: truth((a, b) => !!a || !!b),
  isnan: truth((a) => Number.isNaN(a)),
  isfinite: truth((a) => Number.isFinite(a)),
};
