// A function of a few numbers, run again in the browser: forward and backward.
// Every line of OPS is one elementwise operation of gradviz/core/ops with the gradient rule of each input, in the engine's
// order of operations (elements.ts has the rarer ones). In single precision each result is rounded as the engine's arrays round it: the numbers are the engine's own,
// but for the last bit of functions such as exp, which no two libraries round alike.

export type Operand = number | [number];
export type Options = Record<string, unknown>;
export type Line = [op: string, operands: Operand[], settings: Options];

export interface Program {
  inputs: number;
  nodes: Line[];
}

export type Round = (x: number) => number;
export const SINGLE: Round = Math.fround;
export const DOUBLE: Round = (x) => x;

export interface Rule {
  run(r: Round, x: number[], s: Options): number;
  /** Gradients of the inputs, from the upstream g; fewer than inputs where the rest have no rule. */
  pull(r: Round, g: number, x: number[], out: number, s: Options): number[];
}

export const one = (run: (a: number, r: Round) => number, pull: (r: Round, g: number, a: number, out: number) => number): Rule => ({
  run: (r, [a]) => r(run(a, r)),
  pull: (r, g, [a], out) => [r(pull(r, g, a, out))],
});
export const two = (
  run: (r: Round, a: number, b: number, s: Options) => number,
  pull: (r: Round, g: number, a: number, b: number, out: number, s: Options) => number[],
): Rule => ({
  run: (r, [a, b], s) => run(r, a, b, s),
  pull: (r, g, [a, b], out, s) => pull(r, g, a, b, out, s),
});
const share = (r: Round, g: number, loses: boolean, tie: boolean): number => (loses ? 0 : tie ? r(g * 0.5) : g);
export const sigmoid = (a: number, r: Round): number => r(r(r(Math.tanh(r(a * 0.5))) * 0.5) + 0.5);
const powSlope = (r: Round, g: number, a: number, e: number): number =>
  e === 0 ? 0 : e === 2 ? r(r(g * a) * 2) : r(g * r(r(e) * r(a ** (e - 1))));

export const OPS: Record<string, Rule> = {
  add: two((r, a, b) => r(a + b), (_r, g) => [g, g]),
  sub: two((r, a, b) => r(a - b), (_r, g) => [g, -g]),
  rsub: two((r, a, b) => r(b - a), (_r, g) => [-g, g]),
  mul: two((r, a, b) => r(a * b), (r, g, a, b) => [r(g * b), r(g * a)]),
  div: two((r, a, b) => r(a / b), (r, g, a, b) => [r(g / b), r(r(-g * r(a / b)) / b)]),
  neg: one((a) => -a, (_r, g) => -g),
  abs: one(Math.abs, (_r, g, a) => g * Math.sign(a)),
  reciprocal: one((a) => 1 / a, (r, g, _a, out) => r(-g * out) * out),
  pow: two((r, a, _b, { exponent }) => r(a ** (exponent as number)), (r, g, a, _b, _out, { exponent }) => [powSlope(r, g, a, exponent as number)]),
  pow_tensor: two(
    (r, a, b) => r(a ** b),
    (r, g, a, b, out) => [b === 0 ? 0 : r(g * r(b * r(a ** r(b - 1)))), a === 0 && b >= 0 ? 0 : r(g * r(out * r(Math.log(a))))],
  ),
  rpow: two((r, a, b) => r(b ** a), (r, g, _a, b, out) => [r(g * out) * (b === 0 ? 0 : Math.log(b))]), // the logarithm of a Python number: in double precision
  exp: one(Math.exp, (_r, g, _a, out) => g * out),
  expm1: one(Math.expm1, (r, g, _a, out) => g * r(out + 1)),
  log: one(Math.log, (_r, g, a) => g / a),
  log1p: one(Math.log1p, (r, g, a) => g / r(a + 1)),
  sqrt: one(Math.sqrt, (r, g, _a, out) => g / r(out * 2)),
  rsqrt: one((a, r) => 1 / r(Math.sqrt(a)), (r, g, _a, out) => r(r(r(g * -0.5) * out) * out) * out),
  sin: one(Math.sin, (r, g, a) => g * r(Math.cos(a))),
  cos: one(Math.cos, (r, g, a) => -g * r(Math.sin(a))),
  tan: one(Math.tan, (r, g, _a, out) => g * r(1 + r(out * out))),
  atan: one(Math.atan, (r, g, a) => g / r(r(a * a) + 1)),
  sinh: one(Math.sinh, (r, g, a) => g * r(Math.cosh(a))),
  cosh: one(Math.cosh, (r, g, a) => g * r(Math.sinh(a))),
  tanh: one(Math.tanh, (r, g, _a, out) => g - r(g * r(out * out))),
  maximum: two((_r, a, b) => Math.max(a, b), (r, g, a, b) => [share(r, g, a < b, a === b), share(r, g, b < a, a === b)]),
  minimum: two((_r, a, b) => Math.min(a, b), (r, g, a, b) => [share(r, g, b < a, a === b), share(r, g, a < b, a === b)]),
  sigmoid: one(sigmoid, (r, g, _a, out) => g * r(out - r(out * out))),
  relu: one((a) => (a > 0 ? a : a === a ? 0 : a), (_r, g, _a, out) => (out !== 0 ? g : g * 0)),
};

/** One forward and one backward run: the result, and its slope in every input. */
export function evaluate(program: Program, inputs: number[], single: boolean): { loss: number; grads: number[] } {
  const r: Round = single ? SINGLE : DOUBLE;
  const values = inputs.map(r);
  const of = (x: Operand): number => (typeof x === "number" ? values[x] : r(x[0]));
  for (const [op, operands, settings] of program.nodes) values.push(OPS[op].run(r, operands.map(of), settings));
  const grads: number[] = values.map(() => 0);
  const reached = values.map(() => false);
  grads[values.length - 1] = 1;
  reached[values.length - 1] = true;
  for (let i = program.nodes.length - 1; i >= 0; i--) {
    const [op, operands, settings] = program.nodes[i];
    const at = program.inputs + i;
    if (!reached[at]) continue;
    const messages = OPS[op].pull(r, grads[at], operands.map(of), values[at], settings);
    operands.forEach((to, k) => {
      if (typeof to !== "number" || k >= messages.length) return;
      const message = r(messages[k]);
      grads[to] = reached[to] ? r(grads[to] + message) : message;
      reached[to] = true;
    });
  }
  return { loss: values[values.length - 1], grads: grads.slice(0, program.inputs) };
}
