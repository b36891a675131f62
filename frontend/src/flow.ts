// What the views of layers share (see gradviz/widgets/history/grad_flow.py): the numbers of a page, their axes, their marks.
import { g } from "./number";
import type { Axis } from "./plot";
import { real } from "./real";
import type { Num } from "./types";

export type Measure = "grad" | "ratio" | "dead";
export type Cell = Num | null;

export interface GradFlowData {
  title: string;
  by: string;
  iterations: number[];
  at: number;
  single: boolean;
  layers: { name: string; params: string; count: number; act: string | null }[];
  measures: Partial<Record<Measure | "weight" | "update" | "zero" | "saturated" | "mean" | "std", Cell[][]>>;
  bad: [position: number, layer: number, nan: number, inf: number, weightNan: number, weightInf: number][];
  marks: string[]; // for each iteration a digit for each layer: the sum of 1 << the number of a kind of warning
  said: [kind: number, text: string][][];
  thresholds: { vanishing: number; ratio: number; exploding: number; dead: number };
  band: [number, number];
  note: string;
  timeline: string | null;
}

// The kinds of warnings, the worst first.
export const GLYPHS = ["✕", "▲", "▼", "○"];
export const WORDS = ["not finite", "exploding", "vanishing", "dead"];

export const COLUMNS: Record<Measure, { words: string; share: number; colour: string; bits: number }> = {
  grad: { words: "gradient norm", share: 5, colour: "var(--bwd)", bits: 7 },
  ratio: { words: "update / weight", share: 4, colour: "var(--upd)", bits: 0 },
  dead: { words: "dead units", share: 2, colour: "var(--fwd)", bits: 8 },
};

export const measuresOf = (data: GradFlowData): Measure[] => (Object.keys(COLUMNS) as Measure[]).filter((name) => data.measures[name]);

/** The axis of a measure, the same at every iteration: all that was measured and, unless tight, the limits. */
export function axisOf(data: GradFlowData, measure: Measure, tight = false): Axis {
  if (measure === "dead") return { low: 0, high: 1, name: "dead units" };
  const limits = data.thresholds;
  const near = tight ? [] : measure === "grad" ? [limits.exploding] : data.band;
  let low = Math.min(...near), high = Math.max(...near);
  for (const row of data.measures[measure] ?? []) {
    for (const v of row) {
      const x = real(v);
      if (Number.isFinite(x) && x > 0) [low, high] = [Math.min(low, x), Math.max(high, x)];
    }
  }
  if (low > high) [low, high] = [0.1, 1];
  const grow = Math.max((high / low) ** 0.02, 1.1);
  [low, high] = [low / grow, high * grow];
  if (measure === "grad" && !tight && low < limits.vanishing * 1e3) low = Math.min(low, limits.vanishing / 3);
  [low, high] = [Math.max(low, high * 1e-30), Math.min(high, 1e300)];
  return { low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high)), log: true, name: COLUMNS[measure].words };
}

/** Where a number lies on an axis, from 0 to 1; zero is at the low end, and so is what is no number. */
export function share({ low, high, log }: Axis, v: number): number {
  if (!Number.isFinite(v)) return v === Infinity ? 1 : 0;
  const part = log ? (v > 0 ? Math.log(v / low) / Math.log(high / low) : 0) : (v - low) / (high - low);
  return Math.max(0, Math.min(1, part));
}

/** The limits that are lines in the picture of a measure. */
export function limitsOf({ thresholds }: GradFlowData, measure: Measure): [word: string, limit: number][] {
  if (measure === "grad") return [["vanishing", thresholds.vanishing], ["exploding", thresholds.exploding]];
  return measure === "dead" ? [["dead", thresholds.dead]] : [];
}

/** Which warnings a layer has, of those that are about a measure: numbers of kinds. */
export function warned(data: GradFlowData, k: number, i: number, ...measures: Measure[]): number[] {
  const bits = parseInt(data.marks[k][i], 16) & measures.reduce((sum, name) => sum | COLUMNS[name].bits, 0);
  return [0, 1, 2, 3].filter((kind) => (bits >> kind) & 1);
}

export const percent = (v: number, digits = 4): string => `${g(100 * v, digits)}%`;

/** Every number of a layer at an iteration, as pairs of words and number. */
export function factsOf(data: GradFlowData, k: number, i: number): [words: string, number: string][] {
  const at = (name: keyof GradFlowData["measures"]): Cell => data.measures[name]?.[k][i] ?? null;
  const out: [string, string][] = [["gradient norm", at("grad") === null ? "no gradient" : g(at("grad")!)], ["weight norm", at("weight") === null ? "–" : g(at("weight")!)]];
  const plain: [keyof GradFlowData["measures"], string][] = [["update", "update norm"], ["ratio", "update / weight"]];
  const shares: [keyof GradFlowData["measures"], string][] = [["dead", "dead units"], ["zero", "zeros"], ["saturated", "saturated"]];
  const rest: [keyof GradFlowData["measures"], string][] = [["mean", "activation mean"], ["std", "std"]];
  for (const [name, words] of plain) if (at(name) !== null) out.push([words, g(at(name)!)]);
  for (const [name, words] of shares) if (at(name) !== null) out.push([words, percent(real(at(name)), 6)]);
  for (const [name, words] of rest) if (at(name) !== null) out.push([words, g(at(name)!)]);
  const found = data.bad.find(([position, layer]) => position === k && layer === i);
  if (found) {
    const [, , nan, inf, weightNan, weightInf] = found;
    if (nan + inf) out.push(["gradients not finite", `${nan} NaN, ${inf} inf`]);
    if (weightNan + weightInf) out.push(["parameters not finite", `${weightNan} NaN, ${weightInf} inf`]);
  }
  return out;
}

/** The place of the number that is closest to the wanted one. */
export function nearest(numbers: number[], wanted: number): number {
  let best = 0;
  numbers.forEach((n, k) => {
    if (Math.abs(n - wanted) < Math.abs(numbers[best] - wanted)) best = k;
  });
  return best;
}

export const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
