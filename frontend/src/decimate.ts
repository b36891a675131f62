// Series of numbers in a page: unpacked, looked up and smoothed. What is thinned out, and how, is in
// gradviz/widgets/training/decimate.py.
import { real } from "./real";
import type { Num } from "./types";

export interface Packed {
  steps: number[];
  values: Num[];
  integer: boolean; // steps are whole and given as differences
  single: boolean; // values are those of float32
}
export type Points = Packed | DataView; // binary: all steps, then all values, float64
export interface LineData {
  run: string;
  tag: string;
  start: number | null; // the step at which its run left another
  count: number; // values there are, which may be more than are here
  whole: boolean;
  points: Points;
  means?: Points; // of what was thinned out: the mean of each column at its last step, and of how many values
  counts?: number[] | DataView;
}

export interface Series {
  steps: Float64Array;
  values: Float64Array;
}

export function floats(view: DataView): Float64Array {
  const out = new Float64Array(view.byteLength / 8);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(8 * i, true);
  return out;
}

export function unpackSeries(points: Points): Series {
  if (points instanceof DataView) {
    const all = floats(points);
    return { steps: all.slice(0, all.length / 2), values: all.slice(all.length / 2) };
  }
  const steps = Float64Array.from(points.steps);
  if (points.integer) for (let i = 1; i < steps.length; i++) steps[i] += steps[i - 1];
  const values = Float64Array.from(points.values, real);
  return { steps, values: points.single ? values.map(Math.fround) : values };
}

/** The first index whose step is at least `at`. */
export function lower(steps: Float64Array, at: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the step nearest to `at`, the last of equal ones; -1 where there are none. */
export function nearest(steps: Float64Array, at: number): number {
  const i = lower(steps, at);
  const best = i === steps.length || (i > 0 && at - steps[i - 1] < steps[i] - at) ? i - 1 : i;
  if (best < 0) return best;
  let last = best;
  while (last + 1 < steps.length && steps[last + 1] === steps[best]) last++;
  return last;
}

/** TensorBoard's smoothing, as `smooth` in gradviz/widgets/training/decimate.py. A value that stands for `counts[i]` values weighs as many. */
export function smooth(values: ArrayLike<number>, weight: number, counts?: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(values);
  if (!weight) return out;
  let [last, kept] = [0, 1]; // kept is weight to the power of how many values there were
  for (let i = 0; i < out.length; i++) {
    if (!Number.isFinite(out[i])) continue;
    const w = counts ? weight ** counts[i] : weight;
    last = last * w + (1 - w) * out[i];
    kept *= w;
    out[i] = last / (1 - kept);
  }
  return out;
}

/** All steps of several series, each once, in order. */
export function union(all: Float64Array[]): Float64Array {
  const merged = new Float64Array(all.reduce((n, a) => n + a.length, 0));
  let n = 0;
  for (const a of all) {
    merged.set(a, n);
    n += a.length;
  }
  merged.sort();
  return merged.filter((v, i) => i === 0 || v !== merged[i - 1]);
}
