// Curves over steps, for LossCurve and TrainerPanel: axes, legend, cursor, zoom, smoothing, marks. The same picture as
// gradviz/widgets/training/loss_curve_svg.py.
import { floats, lower, nearest, smooth, union, unpackSeries, type LineData, type Series } from "./decimate";
import { el, put, say, svg } from "./dom";
import { g } from "./number";
import { pen, Plot, PLOT, type Axis } from "./plot";
import type { Shell } from "./shell";
import { join } from "./timeline";

export interface CurveData {
  title: string;
  x: string;
  y: string;
  log: boolean;
  smoothing: number;
  timeline: string | null;
  at: number | null; // where the cursor is at first
  lines: LineData[];
  marks: [number, string][];
  left_out: number;
}

interface Line extends Series {
  name: string;
  start: number | null;
  count: number;
  whole: boolean;
  means?: Series & { counts: Float64Array };
  hidden: boolean;
}

export const CURVE = `${PLOT}
.said{max-height:54px}.said.two{min-height:54px}
.curve{position:relative;padding:0 8px}
.curve svg.plot{max-width:none;cursor:crosshair;touch-action:pan-y}
.curve .raw{fill:none;stroke-width:1.4;stroke-linejoin:round}.curve .raw.pale{opacity:.3;stroke-width:1.2}
.curve .raw.dense{stroke-width:.8}
.curve .smooth{fill:none;stroke-width:2.2;stroke-linejoin:round}
.curve .event{stroke:var(--upd);stroke-dasharray:4 3;fill:none}.plot text.event{stroke:none;fill:var(--upd);font-size:11px}
.curve .lost{stroke:var(--bad);stroke-width:2;fill:none}
.curve .grid{stroke:var(--line);stroke-width:1;fill:none;opacity:.55}
.curve .cursor{stroke:var(--ink);stroke-width:1;fill:none;opacity:.7}.curve .at{stroke:var(--bg);stroke-width:1.5}
.curve .fork{stroke:var(--bg);stroke-width:2}
.curve .drag{fill:var(--fwd);opacity:.14;stroke:none}
.curve .empty{font-size:14px}
.tip{position:absolute;pointer-events:none;background:var(--bg);border:1px solid var(--line);border-radius:7px;box-shadow:var(--shade);padding:5px 9px;font-size:12px;max-width:46%;z-index:1}
.tip b{display:block;font:600 12px/1.5 var(--sans)}
.tip div{display:flex;gap:7px;align-items:center;white-space:nowrap}.tip svg{width:16px;height:8px;flex:none}.tip path{fill:none;stroke-width:2.4}
.tip span{overflow:hidden;text-overflow:ellipsis;color:var(--soft);min-width:0}.tip i{margin-left:auto;padding-left:10px;font:12px var(--mono);color:var(--soft)}.tip strong{font-weight:400;color:var(--ink)}
.legend{display:flex;flex-wrap:wrap;gap:2px 4px;padding:0 12px 4px 62px}
.legend button{display:inline-flex;align-items:center;gap:6px;max-width:260px;height:24px;font-size:12px;color:var(--ink)}
.legend button span{overflow:hidden;text-overflow:ellipsis}
.legend button[aria-pressed=true]{background:none;color:var(--ink)}.legend button[aria-pressed=false]{color:var(--soft);text-decoration:line-through}
.legend svg{width:24px;height:8px;flex:none}.legend path{fill:none;stroke-width:2.4}.legend button[aria-pressed=false] svg{opacity:.3}
.legend .more{align-self:center;color:var(--soft);font-size:12px;padding-left:6px}
.smoothing{display:inline-flex;align-items:center;gap:8px;color:var(--soft);font-size:12px}
.smoothing input{width:96px;--fill:var(--line)}.smoothing output{font:12px var(--mono);min-width:32px;color:var(--ink)}
`;

const swatch = (i: number): SVGElement => svg("svg", { viewBox: "0 0 24 8", "aria-hidden": "true" }, svg("path", { d: "M0 4h24", ...pen(i) }));
/** A slider keeps the keys that move it; elsewhere they move the cursor. */
export function ownKeys(slider: HTMLInputElement): HTMLInputElement {
  slider.addEventListener("keydown", (e) => /^(Arrow|Home|End|Page)/.test(e.key) && !e.ctrlKey && e.stopPropagation());
  return slider;
}

const detailed = (line: Line): boolean => line.steps.length > 0;

export class Curve {
  readonly element = el("div", { class: "curve" });
  readonly legend = el("div", { class: "legend", role: "group", "aria-label": "Curves" });
  readonly tools: HTMLElement[];
  lines: Line[] = [];
  marks: [number, string][] = [];
  cursor: number | null = null; // a step; none follows the newest
  window: [number, number] | null = null;
  log: boolean;
  weight: number;
  /** The page wants all there is between two steps. */
  ask: ((window: [number, number]) => void) | null = null;
  moved: () => void = () => undefined;
  #plot: Plot | null = null;
  #detail: { window: [number, number]; lines: Line[] } | null = null;
  #tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  #axisLog: HTMLButtonElement;
  #reset: HTMLButtonElement;
  #slider: HTMLInputElement;
  #weighed = el("output");
  #cursorMarks = svg("g");
  #positions: Float64Array | null = null;
  #wanted = 0; // a drawing is due
  #asked: ReturnType<typeof setTimeout> | undefined;
  #channel: ReturnType<typeof join>;
  #smoothed = new Map<Line, { weight: number; n: number; out: Float64Array }>();
  #leftOut = 0;
  #x = "step";
  #y = "loss";
  drawn = 0;

  constructor(readonly shell: Shell, data: CurveData) {
    this.log = data.log;
    this.weight = data.smoothing;
    this.#axisLog = el("button", { type: "button", title: "Logarithmic axis (L)", onclick: () => this.toggleLog() }, "log");
    this.#reset = el("button", { type: "button", title: "Show all steps (0, or double click)", onclick: () => this.zoom(null) }, "All steps");
    this.#slider = ownKeys(el("input", { type: "range", min: 0, max: 0.99, step: 0.01, "aria-label": "Smoothing", oninput: () => this.smoothing(this.#slider.valueAsNumber) }));
    this.tools = [
      el("label", { class: "smoothing", title: "Exponential moving average, as in TensorBoard" }, "smoothing", this.#slider, this.#weighed),
      this.#axisLog, this.#reset,
    ];
    this.element.append(this.#tip);
    this.#listen();
    this.#channel = join(data.timeline, (moment) => this.go(moment.iteration, true));
    shell.later(() => this.#channel.leave());
    if (globalThis.ResizeObserver) {
      const watch = new ResizeObserver(() => this.draw());
      watch.observe(this.element);
      shell.later(() => watch.disconnect());
    }
    this.take(data);
    if (data.at !== null && this.cursor === null) this.go(data.at, true);
  }

  // -- data -----------------------------------------------------------------------------------------------------
  take(data: CurveData): void {
    const tags = new Set(data.lines.map((l) => l.tag));
    const runs = new Set(data.lines.map((l) => l.run));
    const name = ({ run, tag }: LineData): string => (!run || runs.size === 1 ? tag : tags.size === 1 ? run : `${run}: ${tag}`);
    const hidden = new Set(this.lines.filter((l) => l.hidden).map((l) => l.name));
    this.lines = data.lines.map((l) => revive(l, name(l), hidden.has(name(l))));
    this.marks = data.marks;
    this.#leftOut = data.left_out;
    this.#x = data.x;
    this.#y = data.y;
    this.#smoothed.clear();
    this.#positions = null;
    this.shell.said.classList.toggle("two", this.lines.length > 1);
    this.#fillLegend();
    this.draw();
  }

  /** Points that came; those that are here already are passed over, and so are those after a gap, which `take` will bring. */
  append(index: number, at: number, { steps, values }: Series): void {
    const line = this.lines[index];
    if (!line || at > line.count) return;
    const known = line.count - at;
    if (known >= steps.length) return;
    line.steps = joined(line.steps, steps.subarray(known));
    line.values = joined(line.values, values.subarray(known));
    line.count = at + steps.length;
    this.#positions = null;
    this.draw();
  }

  closer(window: [number, number], lines: LineData[]): void {
    this.#detail = { window, lines: lines.map((l, i) => revive(l, this.lines[i]?.name ?? "", false)) };
    this.draw();
  }

  // -- what the reader does ---------------------------------------------------------------------------------------
  toggleLog(): void {
    this.log = !this.log;
    this.draw();
    this.shell.announce(this.log ? "Logarithmic axis." : "Linear axis.");
  }

  smoothing(weight: number): void {
    this.weight = Math.max(0, Math.min(0.99, Number(weight.toFixed(2))));
    this.draw();
  }

  toggle(i: number): void {
    const line = this.lines[i];
    line.hidden = !line.hidden;
    this.#positions = null;
    this.#fillLegend();
    this.draw();
  }

  zoom(to: [number, number] | null): void {
    const [low, high] = this.range();
    if (to) {
      const least = (high - low) / 1e6;
      const [a, b] = [Math.max(low, to[0]), Math.min(high, to[1])];
      if (!(b - a > least)) return;
      this.window = a <= low && b >= high ? null : [a, b];
    } else this.window = null;
    this.draw();
    clearTimeout(this.#asked);
    if (this.window && this.ask && this.lines.some((l) => !l.whole && !l.hidden)) this.#asked = setTimeout(() => this.window && this.ask?.(this.window), 150);
  }

  /** Zoom by a factor about a step. */
  scale(factor: number, about = this.cursor ?? this.#middle()): void {
    const [a, b] = this.window ?? this.range();
    this.zoom([about - (about - a) * factor, about + (b - about) * factor]);
  }

  go(step: number, told = false): void {
    const all = this.positions();
    if (!all.length) {
      this.cursor = step;
      return;
    }
    this.cursor = all[nearest(all, step)];
    if (this.window && (this.cursor < this.window[0] || this.cursor > this.window[1])) {
      const half = (this.window[1] - this.window[0]) / 2;
      const [low, high] = this.range();
      const middle = Math.max(low + half, Math.min(high - half, this.cursor));
      this.zoom([middle - half, middle + half]);
    }
    this.#drawCursor();
    this.shell.announce(this.told());
    if (!told) this.#channel.tell({ iteration: this.cursor });
    this.moved();
    void this.shell.mark("data-step", g(this.cursor, 10));
  }

  by(places: number): void {
    const all = this.positions();
    if (!all.length) return;
    const at = this.cursor === null ? all.length - 1 : nearest(all, this.cursor);
    this.go(all[Math.max(0, Math.min(all.length - 1, at + places))]);
  }

  /** Let the cursor follow the newest step again. */
  follow(): void {
    this.cursor = null;
    this.#drawCursor();
    this.moved();
  }

  positions(): Float64Array {
    return (this.#positions ??= union(this.lines.filter((l) => !l.hidden).map((l) => l.steps)));
  }

  range(): [number, number] {
    const some = this.lines.filter(detailed);
    if (!some.length) return [0, 1];
    const marked = this.marks.map(([at]) => at); // a change that waits for its step lies after the last one
    const low = Math.min(...some.map((l) => l.steps[0]), ...marked);
    const high = Math.max(...some.map((l) => l.steps[l.steps.length - 1]), ...marked);
    return low < high ? [low, high] : [low - 0.5, low + 0.5];
  }

  /** In words: the step, and each curve's value there or at its nearest step; of many curves the first ones. */
  told(at = this.cursor, most = 6): string {
    if (at === null) {
      const some = this.lines.filter((l) => detailed(l) && !l.hidden);
      if (!some.length) return "No values yet.";
      return this.told(Math.max(...some.map((l) => l.steps[l.steps.length - 1])), most);
    }
    const rows = this.#rows(at);
    const parts = rows.slice(0, most).map(({ name, step, value, smoothed }) =>
      `${name} ${g(value)}${step === at ? "" : ` (step ${g(step, 10)})`}${smoothed === null || rows.length > 2 ? "" : `, smoothed ${g(smoothed, 4)}`}`);
    if (rows.length > most) parts.push(`and ${rows.length - most} more`);
    const events = this.marks.filter(([step]) => step === at).map(([, text]) => text);
    return `Step ${g(at, 10)}: ${[...parts, ...events].join("; ")}`;
  }

  #rows(at: number): { i: number; name: string; step: number; value: number; smoothed: number | null }[] {
    return this.lines.flatMap((shown, i) => {
      if (shown.hidden || !detailed(shown)) return [];
      const line = this.#fine(i);
      const k = nearest(line.steps, at);
      const smoothed = this.weight && !line.means ? this.#smooth(line)[k] : null;
      return k < 0 ? [] : [{ i, name: shown.name, step: line.steps[k], value: line.values[k], smoothed }];
    });
  }

  #middle(): number {
    const [a, b] = this.window ?? this.range();
    return (a + b) / 2;
  }

  // -- drawing ----------------------------------------------------------------------------------------------------
  /** Soon, once for all that changed. */
  draw(): void {
    if (this.#wanted) return;
    this.#wanted = requestAnimationFrame(() => {
      this.#wanted = 0;
      this.shell.safely(() => this.#draw());
    });
  }

  /** A line as finely as it is known where the reader looks. */
  #fine(i: number): Line {
    const near = this.#detail;
    const inside = near && this.window && near.window[0] <= this.window[0] && near.window[1] >= this.window[1];
    return inside && near.lines[i] && detailed(near.lines[i]) && !this.lines[i].whole ? near.lines[i] : this.lines[i];
  }

  #smooth(line: Line): Float64Array {
    const known = this.#smoothed.get(line);
    if (known && known.weight === this.weight && known.n === line.count) return known.out;
    const out = line.means ? smooth(line.means.values, this.weight, line.means.counts) : smooth(line.values, this.weight);
    this.#smoothed.set(line, { weight: this.weight, n: line.count, out });
    return out;
  }

  #draw(): void {
    const wide = Math.max(320, this.element.clientWidth - 16 || 704);
    const tall = Math.round(Math.max(230, Math.min(360, wide * 0.42)));
    const x = this.#xAxis();
    const shown = this.lines.map((_, i) => this.#fine(i));
    const y = this.#yAxis(shown, x);
    let plot = this.#plot;
    if (!plot || plot.frame.width !== wide || plot.frame.height !== tall) {
      plot = this.#plot = new Plot({ width: wide, height: tall, left: 62, right: 12, top: 10, bottom: 40 }, x, y);
      this.element.querySelector("svg.plot")?.remove();
      this.element.prepend(plot.element);
    } else {
      plot.x = x;
      plot.y = y;
      plot.axes();
    }
    const marks: Node[] = [this.#grid(plot), svg("g", {}, ...this.#events(plot))];
    shown.forEach((line, i) => {
      if (this.lines[i].hidden || !detailed(line)) return;
      const [a, b] = [Math.max(0, lower(line.steps, x.low) - 1), Math.min(line.steps.length, lower(line.steps, x.high) + 2)];
      const [xs, ys] = [line.steps.subarray(a, b), line.values.subarray(a, b)];
      marks.push(svg("path", { class: `raw${this.weight ? " pale" : ""}${b - a > wide ? " dense" : ""}`, d: plot.path(xs, ys), ...pen(i) }));
      if (this.weight) {
        const base = line.means ?? line;
        marks.push(svg("path", { class: "smooth", d: plot.path(base.steps, this.#smooth(line)), ...pen(i) }));
      }
      if (line.start !== null || line.steps.length === 1) {
        marks.push(svg("circle", { class: "fork", cx: plot.X(line.steps[0]).toFixed(1), cy: plot.Y(line.values[0]).toFixed(1), r: 5, fill: pen(i).stroke }));
      }
      marks.push(...lost(plot, xs, ys));
    });
    if (!shown.some(detailed)) marks.push(svg("text", { class: "empty", x: wide / 2, y: tall / 2, "text-anchor": "middle" }, "no values yet"));
    plot.marks.replaceChildren(...marks, this.#cursorMarks);
    put(this.#axisLog, "aria-pressed", String(this.log));
    this.#reset.hidden = !this.window;
    this.#slider.value = String(this.weight);
    put(this.#slider, "aria-valuetext", this.weight ? String(this.weight) : "none");
    say(this.#weighed, this.weight ? this.weight.toFixed(2) : "off");
    this.#drawCursor();
    void this.shell.mark("data-drawn", String(++this.drawn));
  }

  #xAxis(): Axis {
    const [low, high] = this.window ?? this.range();
    return { low, high, name: this.#x };
  }

  #yAxis(shown: Line[], x: Axis): Axis {
    let [low, high] = [Infinity, -Infinity];
    const see = (v: number): void => {
      if (!Number.isFinite(v) || (this.log && v <= 0)) return;
      if (v < low) low = v;
      if (v > high) high = v;
    };
    shown.forEach((line, i) => {
      if (this.lines[i].hidden) return;
      for (let k = lower(line.steps, x.low); k < line.steps.length && line.steps[k] <= x.high; k++) see(line.values[k]);
    });
    const name = this.#y;
    if (low > high) return this.log ? { low: 0.1, high: 1, log: true, name } : { low: 0, high: 1, name };
    if (this.log) {
      const grow = Math.max((high / low) ** 0.05, 1.1);
      return { low: low / grow, high: high * grow, log: true, name };
    }
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    return { low: low - room, high: high + room, name };
  }

  #grid(plot: Plot): SVGElement {
    const { x, w } = plot.inner;
    const rows = [...plot.element.querySelectorAll(".axes path.tick")].map((t) => t.getAttribute("d")!).filter((d) => d.endsWith("h-4"));
    return svg("path", { class: "grid", d: rows.map((d) => `M${x} ${d.slice(1, -3).split(" ")[1]}h${w}`).join("") });
  }

  #events(plot: Plot): SVGElement[] {
    const { x, y, w, h } = plot.inner;
    let taken = -Infinity;
    return [...this.marks].sort((a, b) => a[0] - b[0]).flatMap(([at, text]) => {
      const px = plot.X(at);
      if (px < x - 1 || px > x + w + 1) return [];
      const line = svg("path", { class: "event", d: `M${px.toFixed(1)} ${y}v${h}` }, svg("title", {}, text));
      const words = text.length > 26 ? `${text.slice(0, 25)}…` : text;
      const long = 6.4 * words.length + 8;
      const left = px + long > x + w; // no room on the right: its text stands on the other side
      if (left ? px - long < Math.max(taken, x) : px < taken) return [line];
      taken = left ? px : px + long;
      return [line, svg("text", { class: "event", x: (left ? px - 4 : px + 4).toFixed(1), y: y + 13, "text-anchor": left ? "end" : "start" }, words)];
    });
  }

  #drawCursor(): void {
    const plot = this.#plot;
    const at = this.cursor;
    if (!plot || at === null || at < plot.x.low || at > plot.x.high) {
      this.#cursorMarks.replaceChildren();
      this.#tip.hidden = true;
      return;
    }
    const { x, y, w, h } = plot.inner;
    const px = plot.X(at);
    const rows = this.#rows(at);
    const dots = rows.filter((r) => Number.isFinite(plot.Y(r.value))).map((r) =>
      svg("circle", { class: "at", cx: plot.X(r.step).toFixed(1), cy: plot.Y(r.value).toFixed(1), r: 4, fill: pen(r.i).stroke }));
    this.#cursorMarks.replaceChildren(svg("path", { class: "cursor", d: `M${px.toFixed(1)} ${y}v${h}` }), ...dots);
    const most = 8;
    this.#tip.replaceChildren(el("b", {}, `${this.#x} ${g(at, 10)}`), ...rows.slice(0, most).map((r) =>
      el("div", {}, swatch(r.i), el("span", { dir: "auto" }, r.name), el("i", {}, r.step === at ? "" : `${g(r.step, 10)}: `, el("strong", {}, g(r.value))))));
    if (rows.length > most) this.#tip.append(`and ${rows.length - most} more`);
    this.#tip.hidden = false;
    this.#tip.style.top = `${y + 22}px`;
    const right = px > x + w * 0.55;
    this.#tip.style.left = right ? "auto" : `${px + 22}px`;
    this.#tip.style.right = right ? `${plot.frame.width - px + 22}px` : "auto";
  }

  #fillLegend(): void {
    this.legend.replaceChildren(...this.lines.map((line, i) =>
      el("button", { type: "button", title: `Show or hide ${line.name}`, "aria-pressed": String(!line.hidden), onclick: () => this.toggle(i) }, swatch(i), el("span", { dir: "auto" }, line.name))));
    if (this.#leftOut) this.legend.append(el("span", { class: "more" }, `${this.#leftOut} more are not shown`));
  }

  // -- pointer ------------------------------------------------------------------------------------------------------
  #listen(): void {
    const box = this.element;
    let from: number | null = null;
    const band = svg("rect", { class: "drag" });
    const step = (e: MouseEvent): number => this.#plot!.at(e)[0];
    const inside = (e: Event): boolean => !!(e.target as Element).closest?.("svg.plot");
    box.addEventListener("pointerdown", (e) => {
      if (!inside(e) || e.button !== 0 || !this.#plot) return;
      box.setPointerCapture?.(e.pointerId);
      this.shell.host.focus({ preventScroll: true });
      from = step(e);
    });
    box.addEventListener("pointermove", (e) => {
      if (!this.#plot || !(inside(e) || from !== null)) return;
      if (from === null) return this.go(step(e));
      const { y, h } = this.#plot.inner;
      const [a, b] = [this.#plot.X(Math.min(from, step(e))), this.#plot.X(Math.max(from, step(e)))];
      for (const [key, value] of Object.entries({ x: a, y, width: b - a, height: h })) band.setAttribute(key, value.toFixed(1));
      if (!band.isConnected) this.#plot.marks.append(band);
    });
    const end = (e: PointerEvent): void => {
      if (from === null || !this.#plot) return;
      const [a, b] = [Math.min(from, step(e)), Math.max(from, step(e))];
      const far = this.#plot.X(b) - this.#plot.X(a) > 5;
      from = null;
      band.remove();
      if (far) this.zoom([a, b]);
      else this.go(a);
    };
    box.addEventListener("pointerup", end);
    box.addEventListener("pointercancel", () => {
      from = null;
      band.remove();
    });
    box.addEventListener("dblclick", () => this.zoom(null));
    box.addEventListener("wheel", (e) => {
      // The page scrolls past a chart that nobody is working with.
      if (!inside(e) || !(e.ctrlKey || e.metaKey || this.shell.host.matches(":focus-within, :focus"))) return;
      e.preventDefault();
      this.scale(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 300))), step(e));
    }, { passive: false });
  }

  /** Keys of its own, beside the common ones. */
  readonly keys: [string, string][] = [["+", "closer"], ["-", "farther"], ["0", "all steps"], ["l", "logarithmic axis"], ["s", "more smoothing, then none"]];

  key(key: string): boolean {
    const does: Record<string, () => void> = {
      "+": () => this.scale(0.7), "=": () => this.scale(0.7), "-": () => this.scale(1 / 0.7), "0": () => this.zoom(null),
      l: () => this.toggleLog(), s: () => this.smoothing(this.weight >= 0.98 ? 0 : this.weight < 0.6 ? 0.6 : this.weight < 0.9 ? 0.9 : 0.98),
    };
    const run = does[key.length === 1 ? key.toLowerCase() : key];
    if (run) this.shell.safely(run);
    return !!run;
  }
}

function revive(data: LineData, name: string, hidden: boolean): Line {
  const means = data.means && { ...unpackSeries(data.means), counts: data.counts instanceof DataView ? floats(data.counts) : Float64Array.from(data.counts!) };
  return { ...unpackSeries(data.points), name, start: data.start, count: data.count, whole: data.whole, means: means || undefined, hidden };
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** A mark at the edge for every value without a place in the picture: a cross for NaN, a point up or down for infinity. */
function lost(plot: Plot, xs: Float64Array, ys: Float64Array): SVGElement[] {
  const out: SVGElement[] = [];
  const { y, h } = plot.inner;
  for (let i = 0; i < xs.length && out.length < 300; i++) {
    const v = ys[i];
    if (Number.isFinite(v)) continue;
    const [px, top, bottom] = [plot.X(xs[i]), y + 8, y + h - 8];
    const d = Number.isNaN(v) ? `M${px - 4} ${bottom - 4}l8 8m0 -8l-8 8` : v > 0 ? `M${px - 5} ${top + 5}l5 -9l5 9z` : `M${px - 5} ${bottom - 5}l5 9l5 -9z`;
    out.push(svg("path", { class: "lost", d }, svg("title", {}, `${g(v)} at step ${g(xs[i], 10)}`)));
  }
  return out;
}
