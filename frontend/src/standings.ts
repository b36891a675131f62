// How a race stands: who is where at a step, who reached the target and when, who has left. The words are those of
// gradviz/widgets/optim/optimizer_race.py.
/** The first kept step with a loss as low as the target; -1 if there is none. */
export const reached = (losses: number[], target: number): number => losses.findIndex((v) => v <= target);

/** What became of a walk: nothing if it ends in the picture, else when it left. `step` turns kept places into steps. */
export function fate(path: number[][], losses: number[], bounds: [number, number][] | null, step: (k: number) => number): string {
  const bad = losses.findIndex((v, k) => !Number.isFinite(v) || !(path[k] ?? []).every(Number.isFinite));
  if (bad >= 0) return `not a finite number from step ${step(bad)}`;
  if (!bounds || !path.length) return "";
  const out = path.map((p) => p.some((v, i) => v < bounds[i][0] || v > bounds[i][1]));
  if (!out[out.length - 1]) return "";
  return `left the picture at step ${step(out.lastIndexOf(false) + 1)}`;
}

/** Places by loss, 1 for the lowest; equal losses share a place; what is not a number has none (0). */
export function places(losses: number[]): number[] {
  return losses.map((v) => (Number.isFinite(v) ? 1 + losses.filter((other) => other < v).length : 0));
}

const DECADES = 7; // of the loss, at most

/** The ends of the logarithmic axis, and what is taken off every loss first, as gradviz/widgets/optim/race_svg.py finds them. */
export function lossRange(rows: number[][], target: number): { low: number; high: number; shift: number } {
  let least = 0;
  let first = 0;
  for (const row of rows) for (const v of row) if (Number.isFinite(v) && v < least) least = v;
  for (const row of rows) if (Number.isFinite(row[0])) first = Math.max(first, row[0] - least);
  first ||= 1;
  let [high, low] = [0, Infinity];
  for (const row of rows) {
    for (const loss of row) {
      const v = loss - least;
      if (!(v > 0) || v > 10 * first) continue;
      high = Math.max(high, v);
      low = Math.min(low, v);
    }
  }
  if (!high) [high, low] = [1, 1];
  low = Math.max(low, high * 10 ** -DECADES);
  if (target - least > 0 && target - least < high) low = Math.min(low, Math.max(target - least, high * 10 ** -DECADES));
  const room = Math.max((high / low) ** 0.05, 1.15);
  return { low: low / room, high: high * room, shift: least };
}

/** A loss on the logarithmic axis; what lies below the axis, zero too, is drawn along its edge. */
export const logged = (v: number, shift: number, low: number): number => (Number.isFinite(v) ? Math.max(v - shift, low) : NaN);
