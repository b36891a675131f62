// The landscape from the side, on a canvas: the box with its numbers, then faces and pieces of trails from the far ones to the near ones.
import type { Brush, Trail } from "./brush";
import { g } from "./number";
import { ticks } from "./plot";
import { draped, faces, NEARER, ramp, type Camera, type Face, type Mesh, type Seen } from "./surface";

type Thing = [far: number, draw: () => void];

/** Faces as last seen, kept because stepping does not move the camera. */
export class Faces {
  #view = "";
  #list: Face[] = [];
  of(mesh: Mesh, camera: Camera): Face[] {
    const view = `${camera.turn} ${camera.tilt}`;
    if (view !== this.#view) [this.#view, this.#list] = [view, faces(mesh, camera)];
    return this.#list;
  }
}

const trace = (pen: CanvasRenderingContext2D, points: Seen[]): void => {
  pen.beginPath();
  points.forEach((p, i) => (i ? pen.lineTo(p[0], p[1]) : pen.moveTo(p[0], p[1])));
};

/** The net with the trails up to step `at` lying on it. What is hidden behind a hill shines through, faintly. */
export function drawNet(brush: Brush, mesh: Mesh, camera: Camera, kept: Faces, trails: Trail[], at: number): void {
  const { pen } = brush;
  const dark = brush.theme === "dark";
  const edge = dark ? "#8ea6c926" : "#3d5d8c33";
  const things: Thing[] = kept.of(mesh, camera).map((face): Thing => [face.far, () => {
    trace(pen, face.corners);
    pen.closePath();
    pen.fillStyle = pen.strokeStyle = ramp(face.height, brush.theme, dark ? face.bright * 1.25 : face.bright);
    pen.lineWidth = 0.7;
    pen.fill();
    pen.stroke();
    pen.strokeStyle = edge;
    pen.stroke();
  }]);
  const ghosts: (() => void)[] = [];
  for (const trail of trails) {
    const end = Math.min(at, trail.points.length - 1);
    const whole = end === trail.points.length - 1;
    const bits = draped(mesh, camera, trail.points.slice(0, end + 1).map((p) => (p.every(Number.isFinite) ? p : [NaN, NaN])));
    const [ink, thick] = [brush.ink(trail), trail.chosen ? 3.2 : 2.3];
    bits.forEach((b, i) => {
      const a = bits[i - 1];
      if (!a || !b) return;
      const piece = (wide: number, alpha: number) => (): void => {
        pen.globalAlpha = alpha;
        pen.strokeStyle = ink;
        pen.lineWidth = wide;
        pen.beginPath();
        pen.moveTo(a[0], a[1] - 1);
        pen.lineTo(b[0], b[1] - 1);
        pen.stroke();
        pen.globalAlpha = 1;
      };
      const age = (bits.length - 1 - i) / bits.length;
      things.push([(a[2] + b[2]) / 2 - NEARER, piece(thick, whole ? 1 : 1 - 0.55 * Math.min(1, age * 2))]);
      ghosts.push(piece(thick * 0.7, 0.22));
    });
  }
  things.sort((a, b) => b[0] - a[0]);
  for (const [, draw] of things) draw();
  ghosts.forEach((draw) => draw());
}

/** The floor with its numbers along the two near edges, posts, and heights at the leftmost corner. */
export function drawBox(brush: Brush, camera: Camera, bounds: [number, number][], names: string[], marks: [number, number][]): void {
  const { pen, colours } = brush;
  const corners: [number, number][] = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  const line = (...points: Seen[]): void => {
    trace(pen, points);
    pen.stroke();
  };
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  const floor = corners.map(([u, v]) => camera.see(u, v, 0));
  line(...floor, floor[0]);
  const posts = [...corners].sort((a, b) => camera.see(...a, 0)[2] - camera.see(...b, 0)[2]).slice(1); // all but the nearest
  for (const [u, v] of posts) line(camera.see(u, v, 0), camera.see(u, v, 1));
  const middle = camera.see(0, 0, 0);
  const label = (at: Seen, text: string, out: number, ink: string): void => {
    const [x, y] = [at[0] - middle[0], at[1] - middle[1]];
    const far = Math.hypot(x, y) || 1;
    pen.textAlign = Math.abs(x) < far * 0.35 ? "center" : x > 0 ? "left" : "right";
    brush.text(text, at[0] + (x / far) * out, at[1] + (y / far) * out + 4, ink, "11px");
  };
  const nearer = (a: Seen, b: Seen): boolean => a[2] <= b[2];
  const v = nearer(camera.see(0, -1, 0), camera.see(0, 1, 0)) ? -1 : 1;
  const u = nearer(camera.see(-1, 0, 0), camera.see(1, 0, 0)) ? -1 : 1;
  bounds.forEach(([low, high], axis) => {
    for (const value of ticks(low, high, 4)) {
      const t = ((value - low) / (high - low)) * 2 - 1;
      if (Math.abs(t) > 0.96) continue; // at a corner it would lie on the numbers of another edge
      label(axis === 0 ? camera.see(t, v, 0) : camera.see(u, t, 0), g(value), 14, colours.soft);
    }
    label(axis === 0 ? camera.see(0, v, 0) : camera.see(u, 0, 0), names[axis], 34, colours.ink);
  });
  const [a, b] = corners.reduce((best, uv) => (camera.see(...uv, 0)[0] < camera.see(...best, 0)[0] ? uv : best));
  pen.textAlign = "right";
  for (const [value, z] of marks) {
    const p = camera.see(a, b, z);
    pen.strokeStyle = colours.soft;
    line(p, [p[0] - 4, p[1], p[2]]);
    brush.text(g(value), p[0] - 8, p[1] + 4, colours.soft, "11px");
  }
  const top = camera.see(a, b, 1);
  pen.textAlign = "center";
  brush.text("loss", top[0], top[1] - 16, colours.ink, "11px");
}
