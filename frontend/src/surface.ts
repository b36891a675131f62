// A landscape seen from the side: a net of faces, drawn from the far ones to the near ones (painter's order). The formulas are those of
// gradviz/widgets/optim/surface.py, so the still picture and the one that turns are the same.
export type Seen = [x: number, y: number, far: number];

export const RISE = 0.95, DISTANCE = 6; // height of the box (its floor is 2 by 2), and how far the eye is from its middle
export const NEARER = 0.07; // a piece of a trail is drawn as if it lay so much nearer than the face that it lies on
const NOTHING = 65535;
export const RAMPS = {
  light: ["#a9c8ee", "#c3d9f3", "#dce9f6", "#eff3f3", "#f7eedd", "#f5dfc0", "#f0cda1"],
  dark: ["#12365f", "#173250", "#1b2d43", "#212a38", "#2d2c31", "#3a302b", "#4a3727"],
};

export class Camera {
  turn = -34;
  tilt = 30;
  #sin = [0, 0];
  #cos = [1, 1];
  constructor(
    readonly wide = 689,
    readonly tall = 423,
  ) {
    this.look(this.turn, this.tilt);
  }

  /** Angles in degrees; the eye stays above the floor. */
  look(turn: number, tilt: number): void {
    this.turn = ((((turn + 180) % 360) + 360) % 360) - 180;
    this.tilt = Math.max(4, Math.min(88, tilt));
    const angles = [this.turn, this.tilt].map((a) => (a * Math.PI) / 180);
    this.#sin = angles.map(Math.sin);
    this.#cos = angles.map(Math.cos);
  }

  /** Place in the picture, and distance, of a point of the box: u and v from -1 to 1, z from 0 to 1. */
  see(u: number, v: number, z: number): Seen {
    const across = u * this.#cos[0] - v * this.#sin[0];
    const away = u * this.#sin[0] + v * this.#cos[0];
    const rise = z * RISE - RISE / 2;
    const far = away * this.#cos[1] - rise * this.#sin[1];
    const extent = Math.SQRT2 * this.#sin[1] + (RISE / 2) * this.#cos[1]; // half the height of the box, seen so
    const size = (Math.min(this.wide * 0.27, (this.tall * 0.42) / extent) * DISTANCE) / (DISTANCE + far);
    return [this.wide / 2 + size * across, this.tall * 0.465 - size * (rise * this.#cos[1] + away * this.#sin[1]), far];
  }
}

export interface PackedMesh {
  rows: number;
  columns: number;
  heights: string;
}

export class Mesh {
  readonly z: Float64Array; // 0 to 1; NaN where there is none
  readonly rows: number;
  readonly columns: number;

  constructor(
    packed: PackedMesh,
    readonly bounds: [number, number][],
  ) {
    [this.rows, this.columns] = [packed.rows, packed.columns];
    const raw = Uint8Array.from(atob(packed.heights), (c) => c.charCodeAt(0));
    this.z = Float64Array.from({ length: raw.length / 2 }, (_, i) => {
      const whole = raw[2 * i] + 256 * raw[2 * i + 1];
      return whole === NOTHING ? NaN : whole / (NOTHING - 1);
    });
  }

  /** The height of the net at a place, between its knots as a plane would have it; NaN outside. */
  at(x: number, y: number): number {
    const [[x0, x1], [y0, y1]] = this.bounds;
    const c = ((x - x0) / (x1 - x0)) * (this.columns - 1);
    const r = ((y - y0) / (y1 - y0)) * (this.rows - 1);
    if (!(c >= 0 && c <= this.columns - 1 && r >= 0 && r <= this.rows - 1)) return NaN;
    const i = Math.min(Math.floor(r), this.rows - 2);
    const j = Math.min(Math.floor(c), this.columns - 2);
    const [s, t] = [r - i, c - j];
    const k = i * this.columns + j;
    const near = (1 - t) * this.z[k] + t * this.z[k + 1];
    const far = (1 - t) * this.z[k + this.columns] + t * this.z[k + this.columns + 1];
    return (1 - s) * near + s * far;
  }

  /** A place in the box, -1 to 1. */
  uv(x: number, y: number): [number, number] {
    const [[x0, x1], [y0, y1]] = this.bounds;
    return [((x - x0) / (x1 - x0)) * 2 - 1, ((y - y0) / (y1 - y0)) * 2 - 1];
  }

  xy(u: number, v: number): [number, number] {
    const [[x0, x1], [y0, y1]] = this.bounds;
    return [x0 + ((u + 1) / 2) * (x1 - x0), y0 + ((v + 1) / 2) * (y1 - y0)];
  }

  /** Where a place of the net is seen; null where there is no height. */
  seen(camera: Camera, x: number, y: number): Seen | null {
    const z = this.at(x, y);
    return Number.isFinite(z) ? camera.see(...this.uv(x, y), z) : null;
  }

  /** The place of the net that is seen nearest to a point of the picture; of equally near ones the one in front. */
  under(camera: Camera, px: number, py: number): [number, number] {
    let best: [number, number] = [0, 0];
    let least = Infinity;
    const look = (u: number, v: number): void => {
      const seen = this.seen(camera, ...this.xy(u, v));
      if (!seen) return;
      const miss = Math.hypot(seen[0] - px, seen[1] - py);
      const score = Math.max(0, miss - 4) + 0.5 * seen[2] + miss * 0.05;
      if (score < least) [least, best] = [score, [u, v]];
    };
    for (let r = 0; r < this.rows; r++) for (let c = 0; c < this.columns; c++) look((2 * c) / (this.columns - 1) - 1, (2 * r) / (this.rows - 1) - 1);
    for (let size = 1 / this.columns; size > 0.002; size /= 3) {
      const [u, v] = best;
      least = Infinity;
      for (const a of [-1, 0, 1]) for (const b of [-1, 0, 1]) {
        const [uu, vv] = [u + a * size, v + b * size];
        const seen = Math.abs(uu) <= 1 && Math.abs(vv) <= 1 ? this.seen(camera, ...this.xy(uu, vv)) : null;
        const miss = seen ? Math.hypot(seen[0] - px, seen[1] - py) : Infinity;
        if (miss < least) [least, best] = [miss, [uu, vv]];
      }
    }
    return this.xy(...best);
  }
}

export interface Face {
  far: number;
  corners: Seen[];
  height: number;
  bright: number;
}

/** How bright a face is, 1 where it looks up (Lambert's law, with some light from everywhere). */
export function light(z: number[], columns: number, rows: number): number {
  const right = (((z[1] - z[0] + z[2] - z[3]) / 2) * RISE * (columns - 1)) / 2;
  const back = (((z[3] - z[0] + z[2] - z[1]) / 2) * RISE * (rows - 1)) / 2;
  return 0.76 + 0.3 * Math.max(0, (0.45 * right - 0.35 * back + 0.82) / Math.sqrt(right * right + back * back + 1));
}

/** Every face of the net, as the camera sees it. */
export function faces(mesh: Mesh, camera: Camera): Face[] {
  const { rows, columns, z } = mesh;
  const knots: Seen[] = [];
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) knots.push(camera.see((2 * c) / (columns - 1) - 1, (2 * r) / (rows - 1) - 1, z[r * columns + c]));
  const out: Face[] = [];
  for (let r = 0; r < rows - 1; r++) {
    for (let c = 0; c < columns - 1; c++) {
      const k = r * columns + c;
      const at = [k, k + 1, k + columns + 1, k + columns];
      const heights = at.map((i) => z[i]);
      const height = (heights[0] + heights[1] + heights[2] + heights[3]) / 4;
      if (!Number.isFinite(height)) continue;
      const corners = at.map((i) => knots[i]);
      out.push({ far: (corners[0][2] + corners[1][2] + corners[2][2] + corners[3][2]) / 4, corners, height, bright: light(heights, columns, rows) });
    }
  }
  return out;
}

/** The line through places as it lies on the net, in so many pieces across half the floor; null parts it where it leaves the net. */
export function draped(mesh: Mesh, camera: Camera, points: number[][], fine = 12): (Seen | null)[] {
  const out: (Seen | null)[] = [];
  points.forEach((b, k) => {
    if (k === 0) return void out.push(mesh.seen(camera, b[0], b[1]));
    const a = points[k - 1];
    const [[u0, v0], [u1, v1]] = [mesh.uv(a[0], a[1]), mesh.uv(b[0], b[1])];
    const bits = Math.max(1, Math.min(2 * fine, Math.ceil(Math.hypot(u1 - u0, v1 - v0) * fine) || 1));
    for (let i = 1; i <= bits; i++) out.push(mesh.seen(camera, a[0] + ((b[0] - a[0]) * i) / bits, a[1] + ((b[1] - a[1]) * i) / bits));
  });
  return out;
}

const rgb = (colour: string): number[] => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

/** The colour of a height, 0 to 1, in more or less light. */
export function ramp(share: number, theme: "light" | "dark", bright = 1): string {
  const stops = RAMPS[theme];
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [rgb(stops[i]), rgb(stops[i + 1])];
  return `rgb(${a.map((x, k) => Math.max(0, Math.min(255, Math.round((x + (b[k] - x) * (at - i)) * bright)))).join(" ")})`;
}
