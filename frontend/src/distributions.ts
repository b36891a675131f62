// Distributions as a page gets them (gradviz/widgets/history/histogram_stack.py), and where they stand on an axis: the same as
// gradviz/widgets/history/histogram_stack_svg.py. The linear scale is that of the values; the logarithmic one counts octaves.
import { g } from "./number";
import { ticks } from "./plot";
import type { Num } from "./types";

type Bins = [first: number, counts: number[]];
export type Column = [from: number, to: number, density: number];

export interface Tensor {
  name: string;
  kind: string;
  steps: number[];
  linear: [power: number, first: number, counts: number[]][];
  positive: Bins[];
  negatives: Bins[];
  facts: (Num | null)[][];
  exact: boolean;
}

export interface Look {
  scale: "linear" | "log";
  split: boolean;
  fp16: boolean;
  per_octave: number;
}

export const FLOAT16: [number, number, number] = [-24, -14, Math.log2(65504)]; // octaves: smallest, smallest normal, largest

/** Where magnitude bin j begins, in octaves. */
export const edge = (j: number, per: number): number => Math.floor(j / per) + Math.log2(1 + (((j % per) + per) % per) / per);

const finest = (t: Tensor): number => Math.max(...t.linear.map(([power]) => power));

/** For each row its bins: the share of all values in it, per octave in the logarithmic scale. */
export function columns(t: Tensor, look: Look): Column[][] {
  const n = (k: number): number => Number(t.facts[k][0]);
  if (look.scale === "linear") {
    const power = finest(t);
    const width = 2 ** power;
    return t.linear.map(([own, first, counts], k) => {
      const sums = new Map<number, number>();
      counts.forEach((c, i) => {
        const at = Math.floor((first + i) / 2 ** (power - own));
        sums.set(at, (sums.get(at) ?? 0) + c);
      });
      return [...sums].sort((a, b) => a[0] - b[0]).map(([i, c]): Column => [i * width, (i + 1) * width, c / n(k)]);
    });
  }
  const [low] = domain(t, look);
  return t.positive.map((plus, k) => {
    const minus = t.negatives[k];
    if (!look.split) return octaves(sum(plus, minus), look.per_octave, n(k));
    const left = octaves(minus, look.per_octave, n(k)).reverse().map(([a, b, y]): Column => [2 * low - b, 2 * low - a, y]);
    return [...left, ...octaves(plus, look.per_octave, n(k))];
  });
}

function octaves([first, counts]: Bins, per: number, n: number): Column[] {
  return counts.map((c, i): Column => {
    const [a, b] = [edge(first + i, per), edge(first + i + 1, per)];
    return [a, b, c / n / (b - a)];
  });
}

export function sum(a: Bins, b: Bins): Bins {
  if (!a[1].length || !b[1].length) return a[1].length ? a : b;
  const first = Math.min(a[0], b[0]);
  const total = new Array<number>(Math.max(a[0] + a[1].length, b[0] + b[1].length) - first).fill(0);
  for (const [start, counts] of [a, b]) counts.forEach((c, i) => (total[start - first + i] += c));
  return [first, total];
}

/** The line over the middles of a row's bins, down to 0 at both ends and where bins are not neighbours. */
export function outline(row: Column[]): [number, number][] {
  const made: [number, number][] = [];
  let end = -Infinity;
  for (const [a, b, y] of row) {
    if (a > end + 1e-9 * Math.abs(a)) {
      if (made.length) made.push([2 * end - made[made.length - 1][0], 0]);
      made.push([a - (b - a) / 2, 0]);
    }
    made.push([(a + b) / 2, y]);
    end = b;
  }
  if (made.length) made.push([2 * end - made[made.length - 1][0], 0]);
  return made;
}

/** The ends of the axis: of values, or of sizes in octaves (one side's, where the signs are apart). */
export function domain(t: Tensor, look: Look): [number, number] {
  if (look.scale === "linear") {
    const power = finest(t);
    const rows = t.linear.filter(([, , counts]) => counts.length);
    if (!rows.length) return [-1, 1];
    const down = (i: number, own: number): number => Math.floor(i / 2 ** (power - own));
    const low = Math.min(...rows.map(([own, first]) => down(first, own) - 1));
    const high = Math.max(...rows.map(([own, first, counts]) => down(first + counts.length - 1, own) + 2));
    return [low * 2 ** power, high * 2 ** power];
  }
  const rows = [...t.positive, ...t.negatives].filter(([, counts]) => counts.length);
  const low = (rows.length ? Math.min(...rows.map(([first]) => edge(first, look.per_octave))) : -4) - 1;
  const high = (rows.length ? Math.max(...rows.map(([first, counts]) => edge(first + counts.length, look.per_octave))) : 1) + 1;
  return look.fp16 ? [Math.min(low, -27), Math.max(high, 18)] : [low, high];
}

/** The ends of what is drawn, both signs included. */
export function ends(t: Tensor, look: Look): [number, number] {
  const [low, high] = domain(t, look);
  return look.scale === "log" && look.split ? [2 * low - high, high] : [low, high];
}

/** The ticks of the axis: place and text. Sizes are powers of ten. */
export function marks(t: Tensor, look: Look, about: number): [number, string][] {
  const [low, high] = domain(t, look);
  if (look.scale === "linear") return ticks(low, high, about).map((v) => [v, g(v)]);
  const first = Math.ceil(low * Math.log10(2)), last = Math.floor(high * Math.log10(2));
  const stride = Math.max(1, Math.ceil((last - first) / (look.split ? about / 2 : about)));
  const found: [number, string][] = [];
  for (let k = first; k <= last; k++) if (k % stride === 0) found.push([k / Math.log10(2), k === 0 ? "1" : `1e${k}`]);
  if (!look.split) return found;
  const far = found.filter(([x]) => x - low > 0.08 * (high - low)); // the two sides meet in the middle
  return [...far.map(([x, text]): [number, string] => [2 * low - x, `-${text}`]).reverse(), ...far];
}

/** What float16 cannot hold: from where to where on the axis, and the fact that counts it. */
export function bands(t: Tensor, look: Look): [number, number, "under" | "subnormal" | "over"][] {
  if (look.scale !== "log" || !look.fp16) return [];
  const [low, high] = domain(t, look);
  const [smallest, normal, largest] = FLOAT16;
  const found: [number, number, "under" | "subnormal" | "over"][] = [[low, smallest, "under"], [smallest, normal, "subnormal"], [largest, high, "over"]];
  return look.split ? [...found, ...found.map(([a, b, words]): (typeof found)[0] => [2 * low - b, 2 * low - a, words])] : found;
}

export type Bar = { from: number; to: number; count: number; height: number; sign: number; low: number; high: number };

/** The bars of one row, in its own bins; `low` and `high` are its edges as numbers. */
export function bars(t: Tensor, look: Look, k: number): Bar[] {
  if (look.scale === "linear") {
    const [power, first, counts] = t.linear[k];
    const width = 2 ** power;
    return counts.map((count, i): Bar => {
      const [from, to] = [(first + i) * width, (first + i + 1) * width];
      return { from, to, count, height: count, sign: to <= 0 ? -1 : 1, low: from, high: to };
    }).filter((b) => b.count);
  }
  const side = ([first, counts]: Bins, sign: number): Bar[] => counts.map((count, i) => {
    const [from, to] = [edge(first + i, look.per_octave), edge(first + i + 1, look.per_octave)];
    return { from, to, count, height: count / (to - from), sign, low: 2 ** from, high: 2 ** to };
  }).filter((b) => b.count);
  return [...side(t.positive[k], 1), ...side(t.negatives[k], -1)];
}

/** The numbers of one row, as pairs of words and number. */
export function told(t: Tensor, names: string[], k: number): [string, string][] {
  const fact = (name: string): Num | null => t.facts[k][names.indexOf(name)];
  const number = (name: string): string => (fact(name) === null ? "–" : g(fact(name)!));
  const out: [string, string][] = [["values", number("n")], ...["min", "max", "mean", "std"].map((name): [string, string] => [name, number(name)])];
  out.push(["negative", share(t, names, k, "negative")], ["exactly 0", share(t, names, k, "zero")]);
  out.push(["under fp16 (< 5.96e-8)", share(t, names, k, "under")], ["subnormal (< 6.1e-5)", share(t, names, k, "subnormal")], ["over fp16 (> 65504)", share(t, names, k, "over")]);
  if (fact("nan") || fact("inf")) out.push(["⚠ not finite", `${fact("nan")} NaN, ${fact("inf")} inf`]);
  return out;
}

/** A count as a share of all values. */
export function share(t: Tensor, names: string[], k: number, name: string): string {
  const n = Number(t.facts[k][names.indexOf("n")]);
  return n ? `${t.exact ? "" : "≈ "}${g((100 * Number(t.facts[k][names.indexOf(name)])) / n, 4)}%` : "–";
}

/** The place of the last step that is not after one; the first where all are. */
export function placeOf(steps: number[], step: number): number {
  let at = 0;
  steps.forEach((s, k) => s <= step && (at = k));
  return at;
}
