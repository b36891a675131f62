// Outlines, as SVG path texts: the SVG renderer sets them as attributes and the canvas draws the same texts with Path2D.
import type { Chip, Model } from "./model";
import type { GradKind } from "./state";
import type { Scene } from "./types";

export type Point = [number, number];
export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

const r = (v: number): number => Math.round(v * 100) / 100;

// As SIZES in gradviz/viz/theme.py: the still picture and this one must look the same.
export const SIZES = { titleY: 18, head: 27, row: 19, base: 13, side: 11, round: 9, pill: 14, letter: 7.08, chip: 6.8 };

export const level = (scene: Scene): boolean => scene.direction !== "tb";

/** As much of a text in figures as fits. */
export function cut(text: string, room: number, letter = SIZES.letter): string {
  const most = Math.max(1, Math.floor(room / letter));
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

/** A route as a smooth line: it leaves and enters along the flow and turns between the layers. */
export function line(points: Point[], across: boolean): string {
  if (!points.length) return "";
  let d = `M${r(points[0][0])} ${r(points[0][1])}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    const straight = across ? Math.abs(y1 - y0) < 0.6 : Math.abs(x1 - x0) < 0.6;
    const mx = r((x0 + x1) / 2);
    const my = r((y0 + y1) / 2);
    if (straight) d += `L${r(x1)} ${r(y1)}`;
    else if (across) d += `C${mx} ${r(y0)} ${mx} ${r(y1)} ${r(x1)} ${r(y1)}`;
    else d += `C${r(x0)} ${my} ${r(x1)} ${my} ${r(x1)} ${r(y1)}`;
  }
  return d;
}

/** An arrow head with its tip at the end (or, `back`, at the start) of a route. */
export function head(points: Point[], across: boolean, back = false, size = 7): string {
  if (points.length < 2) return "";
  const [x, y] = back ? points[0] : points[points.length - 1];
  const s = back ? -size : size;
  const half = size * 0.55;
  return across
    ? `M${r(x)} ${r(y)}L${r(x - s)} ${r(y - half)}L${r(x - s)} ${r(y + half)}Z`
    : `M${r(x)} ${r(y)}L${r(x - half)} ${r(y - s)}L${r(x + half)} ${r(y - s)}Z`;
}

const RING = "m4.5 0a4.5 4.5 0 1 1-9 0a4.5 4.5 0 1 1 9 0z";
const SQUARE = "m-4.2-4.2h8.4v8.4h-8.4z";

/** State of a gradient as a mark of radius 4.5 around (x, y): told apart by form, not only by colour. "value" is an arrow: carried forward. */
export function glyph(kind: GradKind | "value", share: number, x = 0, y = 0): { line: string; fill: string } {
  const a = share * 2 * Math.PI;
  let line = RING;
  let fill = "";
  if (kind === "value") line = "m-4 0h8m-3-3l3 3l-3 3";
  else if (kind === "final") fill = RING;
  else if (kind === "stored") line = fill = SQUARE;
  else if (kind === "zeroed") line += "m-8 3.5l7-7";
  else if (kind === "freed") fill = "m2 0a2 2 0 1 1-4 0a2 2 0 1 1 4 0z";
  else if (kind === "partial" && share > 0) fill = `v-4.5a4.5 4.5 0 ${share > 0.5 ? 1 : 0} 1 ${r(4.5 * Math.sin(a))} ${r(4.5 - 4.5 * Math.cos(a))}z`;
  const at = `M${r(x)} ${r(y)}`;
  return { line: at + line, fill: fill && at + fill };
}

export function along(points: Point[], t: number): Point {
  const lengths = points.slice(1).map(([x, y], i) => Math.hypot(x - points[i][0], y - points[i][1]));
  let rest = lengths.reduce((a, b) => a + b, 0) * t;
  for (let i = 0; i < lengths.length; i++) {
    if (rest <= lengths[i] || i === lengths.length - 1) {
      const u = lengths[i] ? rest / lengths[i] : 0;
      return [points[i][0] + (points[i + 1][0] - points[i][0]) * u, points[i][1] + (points[i + 1][1] - points[i][1]) * u];
    }
    rest -= lengths[i];
  }
  return points[0] ?? [0, 0];
}

export interface Placed extends Chip, Rect {
  scale: number;
  leadWidth: number;
}

function overlap(a: Rect, b: Rect): number {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

/** Put each message on its edge where it covers the fewest boxes and no other message; never smaller than one can read. */
export function place(model: Model, k: number): Placed[] {
  const scale = Math.max(1, 0.92 / k);
  const placed: Placed[] = [];
  const boxes: Rect[] = model.scene.nodes.map((s) => ({ x: s.x, y: s.y, w: s.w, h: s.h }));
  for (const chip of model.chips()) {
    const leadWidth = chip.lead.length * SIZES.chip;
    const w = (leadWidth + chip.main.length * SIZES.chip + 15) * scale;
    const h = 20 * scale;
    const spots: [Point, number][] = [];
    if (chip.edge?.points.length) {
      for (const t of [0.5, 0.42, 0.58, 0.34, 0.66, 0.25, 0.75, 0.15, 0.85]) {
        const [x, y] = along(chip.edge.points, t);
        const far = Math.abs(t - 0.5) * 30;
        for (const off of [0, -12, 12, -24, 24, -38, 38]) spots.push([[x, y + off * scale], far + Math.abs(off) * 0.8]);
        for (const off of [-1, 1]) spots.push([[x + off * (w / 2 + 5), y], far + 14]);
      }
    }
    const { x, y, w: nw, h: nh } = chip.node;
    if (!chip.edge) for (const [dy, cost] of [[-h * 0.75, 0], [nh + h * 0.75, 8]]) spots.push([[x + nw / 2, y + dy], cost]);
    let best: Rect | null = null;
    let least = Infinity;
    for (const [[cx, cy], cost] of spots) {
      const spot = { x: Math.max(2, Math.min(model.scene.width - w - 2, cx - w / 2)), y: cy - h / 2, w, h };
      let bad = cost;
      for (const box of boxes) bad += overlap(spot, box) * 0.5;
      for (const other of placed) bad += overlap(spot, other) * 3;
      if (bad < least) {
        least = bad;
        best = spot;
      }
    }
    if (best) placed.push({ ...chip, ...best, scale, leadWidth });
  }
  return placed;
}
