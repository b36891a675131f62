// The landscape from the side, on a canvas: the box with its numbers, the net, and the trails that lie on it. The net is drawn once for
// a camera and kept as a picture, with how far it is at every point: a step draws lines only, and of them what no hill hides.
import type { Brush, Trail } from "./brush";
import { el } from "./dom";
import { g } from "./number";
import { ticks } from "./plot";
import { draped, faces, NEARER, ramp, type Camera, type Mesh, type Seen } from "./surface";

const FINE = 24; // pieces of a trail across half the floor: a piece is hidden or not
const DEEP = 60; // grey values for a distance of 1

const trace = (pen: CanvasRenderingContext2D, points: Seen[]): void => {
  pen.beginPath();
  points.forEach((p, i) => (i ? pen.lineTo(p[0], p[1]) : pen.moveTo(p[0], p[1])));
};

export class Ground {
  #known = "";
  #sheet = el("canvas");
  #far!: ImageData; // in the red of each point

  /** The net with the trails up to step `at` lying on it. What is hidden behind a hill shines through, faintly. */
  draw(brush: Brush, mesh: Mesh, camera: Camera, trails: Trail[], at: number): void {
    const { pen } = brush;
    this.#net(brush, mesh, camera);
    pen.drawImage(this.#sheet, 0, 0, camera.wide, camera.tall);
    const pieces: [far: number, draw: () => void][] = [];
    for (const trail of trails) {
      const end = Math.min(at, trail.points.length - 1);
      const whole = end === trail.points.length - 1; // at the end nothing fades: the picture is of the whole walk
      const bits = draped(mesh, camera, trail.points.slice(0, end + 1).map((p) => (p.every(Number.isFinite) ? p : [NaN, NaN])), FINE);
      const stroke = (parts: [Seen, Seen][], alpha: number, wide: number): void => {
        [pen.globalAlpha, pen.strokeStyle, pen.lineWidth] = [alpha, brush.ink(trail), wide * (trail.chosen ? 3.2 : 2.3)];
        pen.beginPath();
        for (const [a, b] of parts) {
          pen.moveTo(a[0], a[1] - 1);
          pen.lineTo(b[0], b[1] - 1);
        }
        pen.stroke();
      };
      const all: [Seen, Seen][] = [];
      bits.forEach((b, i) => {
        const a = bits[i - 1];
        if (!a || !b) return;
        all.push([a, b]);
        const [x, y, away] = a.map((v, j) => (v + b[j]) / 2);
        const far = away - NEARER;
        const alpha = whole ? 1 : 1 - 0.55 * Math.min(1, (2 * (bits.length - 1 - i)) / bits.length);
        if (!this.#hides(x, y, far)) pieces.push([far, () => stroke([[a, b]], alpha, 1)]);
      });
      pieces.push([-9, () => stroke(all, 0.22, 0.7)]); // over all else
    }
    pieces.sort((a, b) => b[0] - a[0]);
    for (const [, draw] of pieces) draw();
    pen.globalAlpha = 1;
  }

  /** Whether the net is nearer at a point of the picture. */
  #hides(x: number, y: number, far: number): boolean {
    const { data, width } = this.#far;
    const k = 4 * (width * Math.round(y) + Math.round(x));
    return data[k + 3] > 200 && data[k] < (far + 2) * DEEP - 1;
  }

  /** The net as this camera sees it, from the far faces to the near ones (painter's order). */
  #net(brush: Brush, mesh: Mesh, camera: Camera): void {
    const { width, height } = brush.pen.canvas;
    const known = [camera.turn, camera.tilt, brush.theme, width, height].join();
    if (known === this.#known) return;
    this.#known = known;
    Object.assign(this.#sheet, { width, height });
    const pen = this.#sheet.getContext("2d")!;
    const deep = el("canvas", { width: camera.wide, height: camera.tall }).getContext("2d", { willReadFrequently: true })!;
    pen.setTransform(brush.pen.getTransform());
    pen.lineJoin = "round";
    pen.lineWidth = 0.7;
    const dark = brush.theme === "dark";
    for (const face of faces(mesh, camera).sort((a, b) => b.far - a.far)) {
      deep.fillStyle = deep.strokeStyle = `rgb(${(face.far + 2) * DEEP} 0 0)`;
      pen.fillStyle = pen.strokeStyle = ramp(face.height, brush.theme, dark ? face.bright * 1.25 : face.bright);
      for (const it of [deep, pen]) {
        trace(it, face.corners);
        it.closePath();
        it.fill();
        it.stroke();
      }
      pen.strokeStyle = dark ? "#8ea6c926" : "#3d5d8c33";
      pen.stroke();
    }
    this.#far = deep.getImageData(0, 0, camera.wide, camera.tall);
  }
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
