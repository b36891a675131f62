// A measure of every layer over the iterations, as lines: blue for the first layer, orange for the last.
import { put, svg } from "./dom";
import { axisOf, cut, limitsOf, nearest, warned, type GradFlowData, type Measure } from "./flow";
import { Plot } from "./plot";
import { real } from "./real";

const TALL = 210, LEFT = 66, RIGHT = 128, TOP = 12, BOTTOM = 40;

export const LINES = `
.time{touch-action:none;cursor:crosshair}.time text{font:11px var(--sans);fill:var(--soft)}
.lines{fill:none;stroke-width:1.5;opacity:.8}.lines.chosen{stroke-width:3.2;opacity:1}
.cursor{stroke:var(--ink);stroke-dasharray:4 3}.knob{fill:var(--ink)}.nonfinite{fill:var(--bad-bg)}
.ramp{width:64px;height:6px;border-radius:3px;background:linear-gradient(90deg,var(--fwd),var(--bwd))}
`;

const ramp = (i: number, count: number): string => `color-mix(in srgb,var(--bwd) ${((100 * i) / Math.max(1, count - 1)).toFixed(1)}%,var(--fwd))`;

export class Lines {
  readonly element: SVGSVGElement;
  readonly #plot: Plot;
  readonly #strokes: SVGElement[];
  readonly #ends = svg("g");
  readonly #cursor = svg("g", {}, svg("path", { class: "cursor" }), svg("path", { class: "knob", d: "M-6 0h12l-6 8z" }));

  constructor(
    readonly data: GradFlowData,
    readonly measure: Measure,
    readonly wide: number,
    scrubbed: (position: number) => void,
  ) {
    const { iterations, layers } = data;
    const frame = { width: wide, height: TALL, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM };
    const plot = (this.#plot = new Plot(frame, { low: iterations[0], high: iterations[iterations.length - 1], name: "iteration" }, axisOf(data, measure, true)));
    this.element = plot.element;
    this.element.classList.add("time");
    this.#ground();
    this.#strokes = layers.map(({ name }, i) => {
      const line = svg("path", { class: "lines", d: plot.path(iterations, data.measures[measure]!.map((row) => real(row[i]))) }, svg("title", {}, name));
      line.style.stroke = ramp(i, layers.length);
      return line;
    });
    plot.marks.append(...this.#strokes, this.#cursor);
    this.element.append(this.#ends);
    const scrub = (e: PointerEvent): void => scrubbed(nearest(iterations, plot.at(e)[0]));
    this.element.addEventListener("pointerdown", (e) => {
      this.element.setPointerCapture(e.pointerId);
      scrub(e);
    });
    this.element.addEventListener("pointermove", (e) => this.element.hasPointerCapture(e.pointerId) && scrub(e));
  }

  /** What lies under the lines: where something was not finite, the limits, the usual ratios. */
  #ground(): void {
    const { iterations, layers, band } = this.data;
    const plot = this.#plot;
    const { x, y, w, h } = plot.inner;
    const broken = iterations.map((_, k) => k).filter((k) => layers.some((_, i) => warned(this.data, k, i, "grad").includes(0)));
    for (const k of broken) {
      const to = plot.X(iterations[Math.min(k + 1, iterations.length - 1)]);
      const from = plot.X(iterations[k]);
      plot.marks.append(svg("rect", { class: "nonfinite", x: from, y, width: Math.max(1, to - from), height: h }));
    }
    if (broken.length) plot.marks.append(svg("text", { class: "word", x: Math.min(plot.X(iterations[broken[0]]) + 6, x + w - 62), y: y + 16 }, "not finite"));
    if (this.measure === "ratio") {
      const [bottom, top] = band.map((v) => plot.Y(v));
      const usual = svg("rect", { x, y: top, width: w, height: bottom - top, "fill-opacity": 0.13 });
      usual.style.fill = "var(--leaf)";
      plot.marks.append(usual);
    }
    for (const [word, limit] of limitsOf(this.data, this.measure)) {
      if (limit <= plot.y.low || limit >= plot.y.high) continue;
      const at = plot.Y(limit);
      plot.marks.append(svg("path", { class: "limit", d: `M${x} ${at.toFixed(1)}h${w}` }), svg("text", { class: "word", x: x + 4, y: (at - 4).toFixed(1) }, word));
    }
  }

  /** Put the cursor to an iteration. */
  paint(k: number): void {
    put(this.#cursor, "transform", `translate(${this.#plot.X(this.data.iterations[k]).toFixed(1)} ${this.#plot.inner.y})`);
    put(this.#cursor.firstElementChild!, "d", `M0 0v${this.#plot.inner.h}`);
  }

  /** Bring a layer's line to the front, and name it beside the first and the last; none with -1. */
  choose(layer: number): void {
    this.#strokes.forEach((line, i) => line.classList.toggle("chosen", i === layer));
    if (this.#strokes[layer]) this.#plot.marks.append(this.#strokes[layer], this.#cursor);
    const { layers, measures } = this.data;
    const taken: number[] = [];
    const names: SVGElement[] = [];
    for (const i of new Set([layer, 0, layers.length - 1])) {
      const ys = i < 0 ? [] : measures[this.measure]!.map((row) => real(row[i])).filter((v) => Number.isFinite(v) && (v > 0 || this.measure === "dead"));
      if (!ys.length) continue;
      const y = Math.max(20, Math.min(TALL - 44, this.#plot.Y(ys[ys.length - 1]) + 4));
      if (taken.some((other) => Math.abs(other - y) < 13)) continue;
      taken.push(y);
      const text = svg("text", { x: this.wide - RIGHT + 6, y: y.toFixed(1) }, cut(layers[i].name, 17));
      text.style.fill = i === layer ? "var(--ink)" : ramp(i, layers.length);
      names.push(text);
    }
    this.#ends.replaceChildren(...names);
  }
}
