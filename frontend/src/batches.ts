// Stochastic gradient descent on mini-batches: gradviz/widgets/optim/batch_runs.py once more, with the same shuffles, the same order of
// operations and the same roundings. Of a loss made of + - * / and ** every number is the engine's own, bit for bit.
import { Mersenne } from "./mersenne";
import { Arithmetic } from "./optimizers";
import { DOUBLE, OPS, SINGLE, type Operand, type Program, type Round } from "./scalar";

export const MOST_STEPS = 20_000;
export type Shuffle = "every epoch" | "once" | "never";

/** The sum as NumPy makes it: in eight strands up to 128 numbers, halves of more (pairwise summation). */
export function total(r: Round, x: Float64Array, from = 0, n = x.length): number {
  let sum = 0;
  if (n < 8) {
    for (let i = from; i < from + n; i++) sum = r(sum + x[i]);
    return sum;
  }
  if (n > 128) {
    const half = (n >> 1) - ((n >> 1) % 8);
    return r(total(r, x, from, half) + total(r, x, from + half, n - half));
  }
  const s = x.slice(from, from + 8);
  const even = n - (n % 8);
  for (let i = 8; i < even; i += 8) for (let j = 0; j < 8; j++) s[j] = r(s[j] + x[from + i + j]);
  sum = r(r(r(s[0] + s[1]) + r(s[2] + s[3])) + r(r(s[4] + s[5]) + r(s[6] + s[7])));
  for (let i = even; i < n; i++) sum = r(sum + x[from + i]);
  return sum;
}

/** Gives the k-th number of each, in one array for all k: of a single number always that one. */
function reader(given: Float64Array[]): (k: number) => number[] {
  const now = given.map(() => NaN);
  const steps = given.map((x) => (x.length > 1 ? 1 : 0));
  return (k) => {
    for (let j = 0; j < now.length; j++) now[j] = given[j][k * steps[j]];
    return now;
  };
}

export interface Slope {
  loss: number;
  grads: number[];
}

/** The loss of each row: the first inputs of the program are parameters, the others are columns. */
export class Rows {
  readonly count: number;
  readonly parameters: number;
  readonly r: Round;
  readonly #wide: boolean[]; // which values are one for each row
  readonly #all: Int32Array;

  constructor(
    readonly program: Program,
    readonly columns: number[][],
    readonly single: boolean,
  ) {
    this.count = columns[0].length;
    this.parameters = program.inputs - columns.length;
    this.r = single ? SINGLE : DOUBLE;
    this.#wide = Array.from({ length: program.inputs }, (_, i) => i >= this.parameters);
    for (const [, operands] of program.nodes) this.#wide.push(operands.some((x) => typeof x === "number" && this.#wide[x]));
    this.#all = Int32Array.from({ length: this.count }, (_, i) => i);
  }

  /** Every value of the program at a place: one number, or one for each of the rows. */
  #forward(place: number[], rows: Int32Array): Float64Array[] {
    const values = place.map((v) => Float64Array.of(this.r(v)));
    for (const column of this.columns) values.push(Float64Array.from(rows, (row) => column[row]));
    for (const [op, operands, settings] of this.program.nodes) {
      const given = operands.map((x) => this.#of(values, x));
      const out = new Float64Array(this.#wide[values.length] ? rows.length : 1);
      const { run } = OPS[op];
      const at = reader(given);
      for (let k = 0; k < out.length; k++) out[k] = run(this.r, at(k), settings);
      values.push(out);
    }
    return values;
  }

  #of(values: Float64Array[], x: Operand): Float64Array {
    return typeof x === "number" ? values[x] : Float64Array.of(this.r(x[0]));
  }

  /** The mean loss of these rows, or of all. */
  loss(place: number[], rows = this.#all): number {
    const values = this.#forward(place, rows);
    return this.r(total(this.r, values[values.length - 1]) / rows.length);
  }

  /** From the loss of each row back to every value; `summed`: what goes from all rows to a single number is summed on the way. */
  #backward(values: Float64Array[], upstream: number, summed: boolean): (Float64Array | undefined)[] {
    const { r, program } = this;
    const last = values.length - 1;
    const grads: (Float64Array | undefined)[] = values.map(() => undefined);
    grads[last] = new Float64Array(values[last].length).fill(upstream);
    for (let i = program.nodes.length - 1; i >= 0; i--) {
      const [op, operands, settings] = program.nodes[i];
      const here = program.inputs + i;
      const g = grads[here];
      if (!g) continue;
      const given = operands.map((x) => this.#of(values, x));
      const messages = operands.map(() => new Float64Array(g.length));
      const known = operands.map(() => true);
      const at = reader(given);
      const { pull } = OPS[op];
      const out = values[here];
      for (let k = 0; k < g.length; k++) {
        const pulled = pull(r, g[k], at(k), out.length > 1 ? out[k] : out[0], settings);
        for (let j = 0; j < messages.length; j++) {
          known[j] = j < pulled.length;
          if (known[j]) messages[j][k] = r(pulled[j]);
        }
      }
      operands.forEach((to, j) => {
        if (typeof to !== "number" || !known[j]) return;
        const fits = summed && this.#wide[here] && !this.#wide[to] ? Float64Array.of(total(r, messages[j])) : messages[j];
        grads[to] = grads[to]?.map((v, k) => r(v + fits[k])) ?? fits;
      });
    }
    return grads;
  }

  /** The mean loss of these rows and its slope in each parameter. */
  slope(place: number[], rows = this.#all): Slope {
    const { r } = this;
    const values = this.#forward(place, rows);
    const grads = this.#backward(values, r(1 / rows.length), true);
    return { loss: r(total(r, values[values.length - 1]) / rows.length), grads: place.map((_, i) => grads[i]?.[0] ?? 0) };
  }

  /** How far the slope of a batch is from that of all rows, as a rule: the root of the summed variances, drawn without putting back. */
  noise(place: number[], size: number): number {
    const { count } = this;
    if (size >= count || count < 2) return 0;
    const all = this.slope(place).grads;
    const each = this.#backward(this.#forward(place, this.#all), 1, false); // the slope of every row by itself
    let spread = 0;
    for (let i = 0; i < count; i++) all.forEach((v, j) => (spread += ((each[j]?.[i] ?? 0) - v) ** 2));
    return Math.sqrt(((spread / count / size) * (count - size)) / (count - 1));
  }
}

export interface Setup {
  start: number[];
  lr: number;
  size: number;
  seed: number;
  shuffle: Shuffle;
}

/** One walk; `extend` goes on with it. */
export class Run {
  readonly path: number[][];
  readonly seen = [0]; // rows used until then
  readonly batches: Int32Array[] = []; // the rows of each step
  readonly #random: Mersenne;
  readonly #F: Arithmetic;
  readonly #losses = new Map<number, number>();
  #order: Int32Array | null = null;

  constructor(
    readonly rows: Rows,
    readonly setup: Setup,
  ) {
    this.path = [setup.start.map(rows.r)];
    this.#random = new Mersenne(setup.seed);
    this.#F = new Arithmetic(rows.single);
  }

  /** Steps in an epoch: the last batch may be smaller. */
  get inEpoch(): number {
    return Math.ceil(this.rows.count / this.setup.size);
  }

  extend(steps: number): this {
    const { lr, size, shuffle } = this.setup;
    const { count } = this.rows;
    for (let step = this.path.length - 1; step < Math.min(steps, MOST_STEPS); step++) {
      const at = step % this.inEpoch;
      if (at === 0 && (!this.#order || shuffle === "every epoch")) {
        this.#order = shuffle === "never" ? Int32Array.from({ length: count }, (_, i) => i) : this.#random.permutation(count);
      }
      const batch = this.#order!.slice(at * size, (at + 1) * size);
      const place = this.path[step];
      const { grads } = this.rows.slope(place, batch);
      this.path.push(place.map((v, i) => this.#F.add(v, grads[i], -lr)));
      this.seen.push(this.seen[step] + batch.length);
      this.batches.push(batch);
    }
    return this;
  }

  /** The mean loss of all rows after so many steps. */
  loss(step: number): number {
    let known = this.#losses.get(step);
    if (known === undefined) this.#losses.set(step, (known = this.rows.loss(this.path[step])));
    return known;
  }

  epochs(step: number): number {
    return this.seen[step] / this.rows.count;
  }
}

/** What a step costs, in seconds: a fixed part, and a part for each row. */
export interface Cost {
  overhead: number;
  per_row: number;
}

export const seconds = (cost: Cost, steps: number, rows: number): number => cost.overhead * steps + cost.per_row * rows;

/** How many steps fit into a time. */
export function stepsIn(cost: Cost, time: number, size: number, count: number): number {
  let steps = 0;
  let rows = 0;
  for (; steps < MOST_STEPS; steps++) {
    rows += Math.min(size, count - (rows % count));
    if (seconds(cost, steps + 1, rows) > time * (1 + 1e-9)) break;
  }
  return steps;
}
