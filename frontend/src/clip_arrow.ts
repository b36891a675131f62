// The gradient as an arrow, before and after clipping. Two numbers are drawn as they are, with the region that the threshold
// allows; of more numbers, the plane in which both arrows lie.
import { el, put, say, svg } from "./dom";
import type { Mode, Order } from "./clip_math";
import { g } from "./number";

export interface Arrows {
  before: number; // lengths (norm 2)
  after: number;
  degrees: number;
  whole: [number[], number[]] | null; // both vectors, if they have two elements
}

const SIZE = 280, MIDDLE = SIZE / 2, ROOM = 112;

export class ArrowPanel {
  readonly element = el("div", { class: "arrows" });
  #region = svg("path", { class: "region" });
  #before = svg("path", { class: "before" });
  #after = svg("path", { class: "after" });
  #arc = svg("path", { class: "arc" });
  #angle = svg("text", { class: "turn", "text-anchor": "middle" });
  #names = [svg("text", { x: SIZE - 4, y: MIDDLE - 6, "text-anchor": "end" }), svg("text", { x: MIDDLE + 6, y: 12 })];
  #scale = svg("text", { x: 4, y: SIZE - 6 });
  #words = el("p", { class: "hint" });

  constructor(readonly names: string[]) {
    const cross = svg("path", { class: "axis", d: `M0 ${MIDDLE}H${SIZE}M${MIDDLE} 0V${SIZE}` });
    this.element.append(svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "plane", "aria-hidden": "true" },
      this.#region, cross, this.#arc, this.#before, this.#after, this.#angle, ...this.#names, this.#scale), this.#words);
  }

  draw({ before, after, degrees, whole }: Arrows, mode: Mode, order: Order, limit: number): void {
    const turn = (degrees * Math.PI) / 180;
    const flat = whole ?? [[before, 0], [after * Math.cos(turn), after * Math.sin(turn)]];
    const fine = flat.flat().every(Number.isFinite);
    const reach = !fine ? 1 : Math.max(...flat[0].map(Math.abs), whole ? Math.min(limit, 4 * Math.max(...flat[0].map(Math.abs))) : 0, 1e-30) || 1;
    const at = ([x, y]: number[]): [number, number] => [MIDDLE + (x / reach) * ROOM, MIDDLE - (y / reach) * ROOM];
    put(this.#before, "d", fine ? arrow(at(flat[0])) : "");
    put(this.#after, "d", fine ? arrow(at(flat[1])) : "");
    const r = (limit / reach) * ROOM;
    put(this.#region, "d", whole && fine && r < 4000 ? region(mode === "value" ? "inf" : order, r) : "");
    const [a, b] = flat.map(([x, y]) => Math.atan2(y, x));
    const bend = fine && degrees > 0.5 ? Math.atan2(Math.sin(b - a), Math.cos(b - a)) : 0;
    const from = [Math.cos(a), -Math.sin(a)], to = [Math.cos(a + bend), -Math.sin(a + bend)];
    const q = 44;
    put(this.#arc, "d", bend ? `M${MIDDLE + q * from[0]} ${MIDDLE + q * from[1]}A${q} ${q} 0 0 ${bend > 0 ? 0 : 1} ${MIDDLE + q * to[0]} ${MIDDLE + q * to[1]}` : "");
    say(this.#angle, bend ? `${g(degrees, 3)}°` : "");
    const middle = bend ? a + bend / 2 : 0;
    put(this.#angle, "x", (MIDDLE + 66 * Math.cos(middle)).toFixed(1));
    put(this.#angle, "y", (MIDDLE - 66 * Math.sin(middle) + 4).toFixed(1));
    this.#names.forEach((name, i) => say(name, whole ? this.names[i] : ""));
    say(this.#scale, !fine ? "no arrow: not finite" : `the edge is at ${g((reach * MIDDLE) / ROOM, 3)}`);
    const shape = mode === "value" ? "box: each element within the limit" : { 1: "diamond", 2: "circle", inf: "box" }[order] + ": all gradients with this norm";
    say(this.#words, whole ? `Shaded: what the threshold lets through (${shape}). A step goes the other way.` : "The plane in which both arrows lie; the gradient before points right.");
  }
}

function arrow([x, y]: [number, number]): string {
  const [dx, dy] = [x - MIDDLE, y - MIDDLE];
  const long = Math.hypot(dx, dy);
  if (long < 0.5) return `M${MIDDLE} ${MIDDLE}h.01`;
  const [ux, uy, head] = [dx / long, dy / long, Math.min(11, long * 0.6)];
  const side = head * 0.45;
  const f = (v: number): string => v.toFixed(1);
  return `M${MIDDLE} ${MIDDLE}L${f(x)} ${f(y)}M${f(x - head * ux - side * uy)} ${f(y - head * uy + side * ux)}L${f(x)} ${f(y)}L${f(x - head * ux + side * uy)} ${f(y - head * uy - side * ux)}`;
}

function region(order: Order, r: number): string {
  const [x, y] = [MIDDLE, MIDDLE];
  if (order === 1) return `M${x - r} ${y}L${x} ${y - r}L${x + r} ${y}L${x} ${y + r}z`;
  if (order === "inf") return `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

export const ARROWS = `
.arrows{min-width:0}.plane{display:block;width:100%;max-width:300px;height:auto;margin:0 auto;overflow:hidden;border-radius:8px;background:var(--panel)}
.plane text{font:12px var(--sans);fill:var(--soft)}.plane .turn{fill:var(--ink);font-weight:600}
.axis{stroke:var(--line);fill:none}.region{fill:var(--upd-bg);stroke:var(--upd);stroke-dasharray:4 3}
.plane .before{stroke:var(--bwd);stroke-width:2.4;fill:none;stroke-linejoin:round;stroke-linecap:round}
.plane .after{stroke:var(--upd);stroke-width:3.4;fill:none;stroke-linejoin:round;stroke-linecap:round}
.arc{stroke:var(--ink);stroke-width:1.4;fill:none}.arrows .hint{padding:2px 4px}
`;
