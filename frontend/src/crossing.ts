// The costs behind DeviceCrossover, as gradviz/widgets/device/crossover_model.py computes them, and lines through what was measured.

export interface Machine {
  name: string;
  flops: number;
  memory: number;
  bus: number | null; // null: nothing has to cross one
  launch: number;
}

export interface Work {
  name: string;
  unit: string; // what n counts
  launches: number;
  can: boolean; // whether it can be started, and so measured
  n: number[];
  flop: number[];
  copied: number[];
  touched: number[];
  from: (number | null)[][]; // for each GPU: kept there, copied every time
}

export interface Cost {
  launch: number;
  copy: number;
  work: number;
  total: number;
  bound: "arithmetic" | "memory";
}

/** What doing the i-th size once takes, in seconds. */
export function cost(machine: Machine, work: Work, i: number, copies: boolean): Cost {
  const launch = work.launches * machine.launch;
  const copy = copies && machine.bus ? work.copied[i] / machine.bus : 0;
  const [compute, memory] = [work.flop[i] / machine.flops, work.touched[i] / machine.memory];
  const slower = Math.max(compute, memory);
  return { launch, copy, work: slower, total: launch + copy + slower, bound: compute >= memory ? "arithmetic" : "memory" };
}

/** A time in the unit that suits it, three digits. */
export function timeText(seconds: number): string {
  for (const [size, unit] of [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]] as const) {
    if (seconds >= 0.9995 * size) return `${Number((seconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Number((seconds * 1e9).toPrecision(3))} ns`;
}

export type Points = [n: number, seconds: number][]; // n ascending

/** A point more, or the same n measured again. */
export function added(points: Points, n: number, seconds: number): Points {
  return [...points.filter(([k]) => k !== n), [n, seconds] as [number, number]].sort((a, b) => a[0] - b[0]);
}

/** Between two points a power law; null where there is no point on one side. */
export function between(points: Points, n: number): number | null {
  const at = points.findIndex(([k]) => k >= n);
  if (at < 0) return null;
  const [b, y] = points[at];
  if (b === n) return y;
  if (at === 0) return null;
  const [a, x] = points[at - 1];
  return x * (y / x) ** (Math.log(n / a) / Math.log(b / a));
}

/** From where on the second line stays below the first; null: it is above at the end; the first n: from the start on. */
export function meets(n: readonly number[], first: readonly number[], second: readonly number[]): number | null {
  const gap = n.map((_, i) => Math.log(first[i] / second[i]));
  let at = gap.length;
  while (at > 0 && gap[at - 1] > 0) at--;
  if (at === gap.length) return null;
  if (at === 0) return n[0];
  const share = -gap[at - 1] / (gap[at] - gap[at - 1]);
  return n[at - 1] * (n[at] / n[at - 1]) ** share;
}

/** What a measured CPU takes at its smallest n beyond the work itself: Python's own time for the calls, on a GPU too. */
export function python(points: Points, machine: Machine, work: Work): number {
  if (!points.length) return 0;
  const [n, seconds] = points[0];
  return Math.max(0, seconds - cost(machine, work, work.n.indexOf(n), false).total);
}

/** How many times as fast, said so that it is never "1 times". */
export function times(ratio: number): string {
  return ratio < 10 ? ratio.toPrecision(2) : Number(ratio.toPrecision(2)).toLocaleString("en-US");
}
