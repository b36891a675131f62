// Strokes on a canvas that the map and the side view share: trails, markers, arrows with their names.
import { SERIES } from "./plot";
import type { Seen } from "./surface";

export interface Trail {
  points: number[][];
  losses: number[];
  series: number;
  grey?: boolean;
  hidden?: boolean;
  chosen?: boolean;
}

export interface Arrow {
  from: number[];
  way: number[];
  colour: string; // the name of one of the theme's colours
  label: string;
  thick?: number;
}

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const DOTS = 60; // a walk of more steps is a line without a dot for each step
const FADE = 40; // steps until a piece of a trail has faded to its palest
// Shapes of radius 1, as in gradviz/widgets/optim/terrain.py: no trail is told by its colour alone.
export const MARKERS = [
  "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0z", "M-.88-.88H.88V.88H-.88z", "M0-1.15L1.1.85H-1.1z", "M0-1.25L1.1 0 0 1.25-1.1 0z",
  "M0 1.15L1.1-.85H-1.1z", "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4z", "M.55-1L1.1 0 .55 1H-.55L-1.1 0-.55-1z",
  "M0-1.2L.35-.4 1.2-.37.53.17.74 1 0 .52-.74 1-.53.17-1.2-.37-.35-.4z",
];
const STAR = MARKERS[7];
const INKS = ["bg", "ink", "soft", "line", "edge", "fwd", "bwd", "upd", "leaf", "bad", "s0", "s1", "s2", "s3", "s4", "s5"];

/** The theme's colours and type, as they are where an element stands. */
export function look(element: Element): { colours: Record<string, string>; family: string } {
  const style = getComputedStyle(element);
  return { colours: Object.fromEntries(INKS.map((name) => [name, style.getPropertyValue(`--${name}`).trim() || "#808080"])), family: style.fontFamily };
}

export class Brush {
  constructor(
    readonly pen: CanvasRenderingContext2D,
    readonly colours: Record<string, string>,
    readonly family: string,
    readonly theme: "light" | "dark",
  ) {}

  ink(trail: Trail): string {
    return this.colours[trail.grey ? "edge" : `s${trail.series % SERIES}`];
  }

  /** A walk up to a step, on a pale line that sets it off; older pieces are paler while it is on its way. `places` are those of its steps. */
  line(trail: Trail, places: ([number, number] | null)[]): void {
    const { pen } = this;
    const end = places.length - 1;
    const whole = end === trail.points.length - 1; // at the end nothing fades: the picture is of the whole walk
    let long = 0; // where the dashes of the next piece go on
    const piece = (from: number, to: number, alpha: number): void => {
      pen.globalAlpha = alpha;
      pen.lineDashOffset = long;
      pen.beginPath();
      for (let k = from; k <= to; k++) {
        const [a, b] = [places[k - 1], places[k]];
        if (b && a && k > from) {
          pen.lineTo(...b);
          long += Math.hypot(b[0] - a[0], b[1] - a[1]);
        } else if (b) pen.moveTo(...b);
      }
      pen.stroke();
    };
    pen.setLineDash([]);
    pen.strokeStyle = this.colours.bg;
    pen.lineWidth = trail.chosen ? 5.4 : 4.2;
    piece(0, end, 0.75);
    pen.strokeStyle = pen.fillStyle = this.ink(trail);
    pen.lineWidth = trail.chosen ? 2.8 : 2;
    pen.setLineDash(DASHES[Math.floor(trail.series / SERIES) % DASHES.length]);
    long = 0;
    const old = whole ? end : Math.max(0, end - FADE); // up to there all are as pale as each other: one stroke
    piece(0, old, whole ? 0.92 : 0.45);
    for (let k = old; k < end; k++) piece(k, k + 1, 1 - (0.55 * (end - k - 1)) / FADE);
    pen.setLineDash([]);
    if (trail.points.length <= DOTS + 1) {
      places.forEach((p, k) => {
        if (!p || !k) return;
        pen.globalAlpha = whole ? 0.92 : 0.5 + 0.5 * Math.max(0, 1 - (end - k) / FADE);
        pen.beginPath();
        pen.arc(p[0], p[1], 2.6, 0, 7);
        pen.fill();
      });
    }
    pen.globalAlpha = 1;
  }

  /** The sign of a trail; hollow where the walk has left the picture. */
  marker(x: number, y: number, trail: Trail, hollow: boolean, size = 6.5): void {
    const { pen } = this;
    const ink = this.ink(trail);
    pen.save();
    pen.translate(x, y);
    const radius = trail.chosen ? size * 1.3 : size;
    pen.scale(radius, radius);
    const shape = new Path2D(MARKERS[trail.series % MARKERS.length]);
    pen.fillStyle = hollow ? this.colours.bg : ink;
    pen.strokeStyle = hollow ? ink : this.colours.bg;
    pen.lineWidth = 1.8 / radius;
    pen.fill(shape);
    pen.stroke(shape);
    pen.restore();
  }

  /** A minimum. */
  star(x: number, y: number): void {
    const { pen } = this;
    pen.save();
    pen.translate(x, y);
    pen.scale(7, 7);
    pen.fillStyle = this.colours.bg;
    pen.strokeStyle = this.colours.ink;
    pen.lineWidth = 0.2;
    const shape = new Path2D(STAR);
    pen.fill(shape);
    pen.stroke(shape);
    pen.restore();
  }

  /** The ring where all begin: what the pointer drags. */
  ring(x: number, y: number): void {
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, 6.5, 0, 7);
    pen.fillStyle = this.colours.bg;
    pen.fill();
    pen.lineWidth = 2.6;
    pen.strokeStyle = this.colours.ink;
    pen.stroke();
  }

  /** Arrows with their names; `line` gives the points of one in the picture. Of a flat picture all lie on one line, so each is drawn a little above the one before. */
  arrows(arrows: Arrow[], flat: boolean, line: (from: number[], way: number[]) => (Seen | null)[]): void {
    const { pen } = this;
    const taken: [number, number][] = [];
    for (const [i, arrow] of arrows.entries()) {
      const points = line(arrow.from, arrow.way).filter((p): p is Seen => p !== null);
      if (flat) for (const p of points) p[1] -= 16 * i;
      if (points.length < 2) continue;
      const [tip, tail] = [points[points.length - 1], points[0]];
      if (Math.hypot(tip[0] - tail[0], tip[1] - tail[1]) < 3) continue;
      const ink = this.colours[arrow.colour] ?? this.colours.ink;
      const before = points[Math.max(0, points.length - 3)];
      const angle = Math.atan2(tip[1] - before[1], tip[0] - before[0]);
      const thick = arrow.thick ?? 2.2;
      const head = (size: number): void => {
        pen.beginPath();
        pen.moveTo(tip[0], tip[1]);
        for (const side of [0.42, -0.42]) pen.lineTo(tip[0] - size * Math.cos(angle + side), tip[1] - size * Math.sin(angle + side));
        pen.closePath();
      };
      const shaft = (): void => {
        pen.beginPath();
        points.forEach((p, i) => (i ? pen.lineTo(p[0], p[1]) : pen.moveTo(p[0], p[1])));
        pen.stroke();
      };
      pen.strokeStyle = pen.fillStyle = this.colours.bg;
      pen.lineWidth = thick + 2.6;
      shaft();
      pen.lineWidth = 2.4;
      head(10);
      pen.stroke();
      pen.strokeStyle = pen.fillStyle = ink;
      pen.lineWidth = thick;
      shaft();
      head(10);
      pen.fill();
      const at: [number, number] = [tip[0] + 13 * Math.cos(angle), tip[1] + 13 * Math.sin(angle) + 4];
      while (taken.some(([x, y]) => Math.abs(x - at[0]) < 34 && Math.abs(y - at[1]) < 13)) at[1] += 13;
      taken.push(at);
      pen.textAlign = Math.cos(angle) > 0.3 ? "left" : Math.cos(angle) < -0.3 ? "right" : "center";
      this.text(arrow.label, at[0], at[1], ink, "600 12px", true);
    }
  }

  text(text: string, x: number, y: number, ink: string, font = "12px", halo = false): void {
    const { pen } = this;
    pen.font = `${font} ${this.family}`;
    if (halo) {
      pen.strokeStyle = this.colours.bg;
      pen.lineWidth = 3.5;
      pen.strokeText(text, x, y);
    }
    pen.fillStyle = ink;
    pen.fillText(text, x, y);
  }
}
