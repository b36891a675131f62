// A frame with axes for views that draw numbers: gradviz/viz/plot.py draws the same one in Python. Lengths are in the
// picture's own units; the element scales with the view.
import { svg } from "./dom";
import { g } from "./number";

export interface Axis {
  low: number;
  high: number;
  log?: boolean; // low and high are then positive
  name?: string;
}

export const SERIES = 6; // colours --s0 .. --s5; after these, series are told apart by their dashes
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

/** Stroke and dashes of the i-th series: told apart by form as well as colour. */
export const pen = (i: number): { stroke: string; "stroke-dasharray": string | null } => ({
  stroke: `var(--s${i % SERIES})`,
  "stroke-dasharray": DASHES[Math.floor(i / SERIES) % DASHES.length] || null,
});

/** Some round numbers between two ends. */
export function ticks(low: number, high: number, about = 5): number[] {
  const raw = (high - low) / about;
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * [1, 2, 5, 10].find((f) => f * size >= raw * 0.999)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** Powers of ten between two ends, thinned out to about as many as asked for; ordinary ticks where there are too few. */
export function logTicks(low: number, high: number, about = 5): number[] {
  const [a, b] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (b - a < 1) return ticks(low, high, about).filter((v) => v > 0);
  const stride = Math.max(1, Math.ceil((b - a) / about));
  return Array.from({ length: Math.floor((b - a) / stride) + 1 }, (_, i) => 10 ** (a + i * stride));
}

/** A round step of about a four-hundredth of the whole: one press of a key. */
export function notch(whole: number): number {
  const raw = whole / 400;
  const size = 10 ** Math.floor(Math.log10(raw));
  return Number((size * [1, 2, 5, 10].find((f) => f * size >= raw * 0.999)!).toPrecision(3));
}

export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export class Plot {
  readonly element: SVGSVGElement;
  readonly marks = svg("g"); // what the view draws; clipped to the frame
  #axes = svg("g", { class: "axes" });

  constructor(
    readonly frame: Frame,
    public x: Axis,
    public y: Axis,
  ) {
    const { width, height } = frame;
    const clip = `clip${Plot.#count++}`; // ids are private to the view's own root
    const inside = svg("rect", { x: frame.left, y: frame.top, width: this.inner.w, height: this.inner.h });
    this.element = svg("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, style: `max-width:${Math.round(1.3 * width)}px`, "aria-hidden": "true" },
      svg("clipPath", { id: clip }, inside), this.#axes, svg("g", { "clip-path": `url(#${clip})` }, this.marks));
    this.axes();
  }
  static #count = 0;

  get inner(): { x: number; y: number; w: number; h: number } {
    const { width, height, left, right, top, bottom } = this.frame;
    return { x: left, y: top, w: width - left - right, h: height - top - bottom };
  }

  X(v: number): number {
    return this.inner.x + share(this.x, v) * this.inner.w;
  }

  Y(v: number): number {
    return this.inner.y + (1 - share(this.y, v)) * this.inner.h;
  }

  /** The numbers under a place of the page, for pointers. */
  at(e: { clientX: number; clientY: number }): [number, number] {
    const box = this.element.getBoundingClientRect();
    const { x, y, w, h } = this.inner;
    const across = (((e.clientX - box.left) / box.width) * this.frame.width - x) / w;
    const down = (((e.clientY - box.top) / box.height) * this.frame.height - y) / h;
    return [value(this.x, across), value(this.y, 1 - down)];
  }

  /** Draw frame, ticks and names again, after `x` or `y` was changed. */
  axes(): void {
    const { x, y, w, h } = this.inner;
    const out: Node[] = [svg("rect", { class: "frame", x, y, width: w, height: h })];
    for (const v of (this.x.log ? logTicks : ticks)(this.x.low, this.x.high, w / 110)) {
      out.push(svg("path", { class: "tick", d: `M${this.X(v).toFixed(1)} ${y + h}v4` }), svg("text", { x: this.X(v).toFixed(1), y: y + h + 17, "text-anchor": "middle" }, g(v)));
    }
    for (const v of (this.y.log ? logTicks : ticks)(this.y.low, this.y.high, h / 60)) {
      out.push(svg("path", { class: "tick", d: `M${x} ${this.Y(v).toFixed(1)}h-4` }), svg("text", { x: x - 7, y: (this.Y(v) + 4).toFixed(1), "text-anchor": "end" }, g(v)));
    }
    if (this.x.name) out.push(svg("text", { class: "name", x: x + w / 2, y: this.frame.height - 6, "text-anchor": "middle" }, this.x.name));
    if (this.y.name) out.push(svg("text", { class: "name", x: 13, y: y + h / 2, "text-anchor": "middle", transform: `rotate(-90 13 ${y + h / 2})` }, this.y.name));
    this.#axes.replaceChildren(...out);
  }

  /** Path data through points; a point that is not finite breaks the line. */
  path(xs: ArrayLike<number>, ys: ArrayLike<number>): string {
    let d = "";
    let down = false;
    for (let i = 0; i < xs.length; i++) {
      const [px, py] = [this.X(xs[i]), this.Y(ys[i])];
      if (Number.isFinite(px + py)) d += `${down ? "L" : "M"}${px.toFixed(1)} ${Math.max(-9999, Math.min(9999, py)).toFixed(1)}`;
      down = Number.isFinite(px + py);
    }
    return d;
  }
}

function share({ low, high, log }: Axis, v: number): number {
  return log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low);
}

function value({ low, high, log }: Axis, part: number): number {
  return log ? low * (high / low) ** part : low + part * (high - low);
}

/** Shared by all plots; put it into the view's own styles. */
export const PLOT = `
.plot{display:block;width:100%;height:auto;margin:0 auto}
.plot text{font:12px var(--sans);fill:var(--soft)}.plot .name{fill:var(--ink)}
.frame,.tick{stroke:var(--soft);fill:none;stroke-width:1}
.keys{display:flex;flex-wrap:wrap;gap:2px 14px;padding:4px 16px;font-size:12px;color:var(--soft)}
.keys span{display:inline-flex;align-items:center;gap:5px;min-width:0;overflow-wrap:anywhere}
.keys svg{width:22px;height:8px;flex:none}.keys path{stroke-width:2.2;fill:none}
`;
