// The runs of SignalPropagation as a page gets them (gradviz/widgets/history/signal_runs.py), and where they are drawn (signal_svg.py).
export type Packed = [rows: string, sizes: number[], odd: [layer: number, zero: number, bad: number][]];
export type Run = [outputs: Packed, grads: Packed];

export interface Layer {
  first: number; // exponent of the lowest bin
  heights: number[]; // from 0 to 1
  size: number; // root mean square
  zero: number; // share that is exactly 0
  bad: number; // share that is NaN or infinite
}

export function layers([rows, sizes, odd]: Packed): Layer[] {
  const made = rows.split(" ").map((row, i): Layer => {
    const [first, digits] = row.split(":");
    return { first: Number(first), heights: [...digits].map((c) => parseInt(c, 36) / 35), size: sizes[i], zero: 0, bad: 0 };
  });
  for (const [i, zero, bad] of odd) Object.assign(made[i], { zero, bad });
  return made;
}

/** A hill over its octaves, in powers of ten; the ground is at both ends. */
export function outline({ first, heights }: Layer): [number, number][] {
  if (!heights.length) return [];
  return [0, ...heights, 0].map((y, i) => [Math.log10(2) * (first + i - 0.5), y]);
}

/** The ends of the axis: two powers of ten beyond the sizes of all layers, and never less than from 1e-4 to 1e3. */
export function domain(all: Layer[]): [number, number] {
  const sizes = all.filter((one) => one.size > 0).map((one) => Math.log10(one.size));
  return [Math.min(-4, ...sizes.map((v) => Math.floor(v) - 2)), Math.max(3, ...sizes.map((v) => Math.ceil(v) + 2))];
}

/** The powers of ten under the axis, about six. */
export function powers(low: number, high: number): number[] {
  const every = [1, 2, 3, 5, 10, 20, 50, 100].find((n) => (high - low) / n <= 7)!;
  const made: number[] = [];
  for (let k = (Math.floor(low / every) + 1) * every; k < high; k += every) made.push(k);
  return made;
}

/** How high a hill is, in rows. */
export const rise = (depth: number): number => Math.min(2.2, Math.max(0.85, depth / 12));

export type Fate = "level" | "vanishing" | "exploding" | "nothing" | "broken";
export const LEVEL = 10;

/** What becomes of the gradient on its way to the first layer; the ratio of the sizes there and at the last. */
export function fateOf(outputs: Layer[], grads: Layer[]): { fate: Fate; ratio: number; each: number } {
  const [first, last] = [grads[0].size, grads[grads.length - 1].size];
  const ratio = last ? first / last : NaN;
  const each = ratio ** (1 / Math.max(1, grads.length - 1));
  if ([...outputs, ...grads].some((one) => one.bad)) return { fate: "broken", ratio, each };
  if (!(ratio > 0)) return { fate: "nothing", ratio, each };
  return { fate: ratio < 1 / LEVEL ? "vanishing" : ratio > LEVEL ? "exploding" : "level", ratio, each };
}

/** The places of a slider: those of the grid, or with a kernel many more. */
export function stops(grid: number[], whole: boolean, live: boolean): number[] {
  if (!live || grid.length < 2) return grid;
  const [low, high] = [grid[0], grid[grid.length - 1]];
  if (whole) return Array.from({ length: high }, (_, i) => i + 1);
  const between = Array.from({ length: 61 }, (_, i) => Number((low * (high / low) ** (i / 60)).toPrecision(3)));
  const fresh = between.filter((v) => v > low && v < high && !grid.some((known) => Math.abs(v / known - 1) < 0.012));
  return [...grid, ...fresh].sort((a, b) => a - b);
}
