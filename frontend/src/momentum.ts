// Momentum on a bowl of two curvatures: gradviz/widgets/optim/momentum_math.py once more, and the walk of SGD in double precision with the
// engine's order of operations, so that every number of it is the engine's own.
export type Fate = "creeps" | "swings" | "jumps" | "diverges";
export type Pair = [number, number];

const DOUBLE = 1e-12; // a discriminant as small as this is 0: the two eigenvalues are one

/** The eigenvalues of a step: middle ± half, which is imaginary where complex. */
export interface Roots {
  middle: number;
  half: number;
  complex: boolean;
}

export function roots(push: number, beta: number): Roots {
  const trace = 1 + beta - push;
  let inside = trace * trace - 4 * beta;
  if (Math.abs(inside) < DOUBLE) inside = 0;
  return { middle: trace / 2, half: Math.sqrt(Math.abs(inside)) / 2, complex: inside < 0 };
}

export const radius = ({ middle, half, complex }: Roots): number => (complex ? Math.sqrt(middle ** 2 + half ** 2) : Math.abs(middle) + half);

export function fate(push: number, beta: number): Fate {
  const found = roots(push, beta);
  if (push > 2 * (1 + beta)) return "diverges";
  if (found.complex) return "swings";
  return found.middle >= 0 ? "creeps" : "jumps";
}

export const factor = (lr: number, beta: number, curvatures: Pair): number => Math.max(...curvatures.map((c) => radius(roots(lr * c, beta))));

/** Polyak's rate and momentum: no other pair has a smaller factor. */
export function best(curvatures: Pair): Pair {
  const [low, high] = curvatures.map(Math.sqrt);
  return [(2 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2];
}

export const bestPlain = (curvatures: Pair): number => 2 / (curvatures[0] + curvatures[1]);

/** Rate times curvature where swinging begins (-1) or ends (1). */
export const border = (beta: number, sign: 1 | -1): number => (1 + sign * Math.sqrt(beta)) ** 2;

/** The corners of the region where the factor is at most r; none where it is nowhere. */
export function contour(r: number, [flat, steep]: Pair): Pair[] {
  const left: Pair = [(1 - r) / flat, (1 - r) ** 2 / flat]; // at the bottom, at the top
  const right: Pair = [(1 + r) / steep, (1 + r) ** 2 / steep];
  if (left[1] > right[1] * (1 + DOUBLE)) return [];
  if (left[0] <= right[0]) return [[left[0], 0], [left[1], r * r], [right[1], r * r], [right[0], 0]];
  const gap = [left[0] - right[0], left[1] - right[1]]; // they cross on the way up
  const up = gap[0] / (gap[0] - gap[1]);
  return [[left[0] + up * (left[1] - left[0]), up * r * r], [left[1], r * r], [right[1], r * r]];
}

export interface Walk {
  path: Pair[];
  velocity: Pair[];
  losses: number[];
}

/** v = b v + L x, then x = x - a v; without momentum there is no velocity but the gradient. */
export function walk(curvatures: Pair, start: Pair, lr: number, beta: number, steps: number): Walk {
  const made: Walk = { path: [start], velocity: [[0, 0]], losses: [] };
  const loss = ([x, y]: Pair): number => 0.5 * curvatures[0] * x * x + 0.5 * curvatures[1] * y * y;
  made.losses.push(loss(start));
  for (let k = 0; k < steps; k++) {
    const v = made.path[k].map((x, i) => (beta ? made.velocity[k][i] * beta : 0) + curvatures[i] * x) as Pair;
    const next = made.path[k].map((x, i) => x - lr * v[i]) as Pair;
    made.velocity.push(v);
    made.path.push(next);
    made.losses.push(loss(next));
  }
  return made;
}

/** The half axes of the level lines in the map: 1, 4, 9, ... tenths of the first loss, as far as one is seen. */
export function ellipses(curvatures: Pair, start: Pair, reach: Pair): Pair[] {
  const loss = (curvatures[0] * start[0] * start[0] + curvatures[1] * start[1] * start[1]) / 2;
  const made: Pair[] = [];
  for (let k = 1; k < 200; k++) {
    const half = curvatures.map((c) => Math.sqrt((2 * ((loss * k * k) / 10)) / c)) as Pair;
    made.push(half);
    if (Math.hypot(reach[0] / half[0], reach[1] / half[1]) < 1) break;
  }
  return made;
}
