// A row for each layer: gradient norm, update/weight ratio and dead units at one iteration. Built once for a width; a
// step then changes only what differs.
import { put, say, svg } from "./dom";
import { axisOf, COLUMNS, cut, GLYPHS, limitsOf, measuresOf, percent, share, warned, type GradFlowData, type Measure } from "./flow";
import { g } from "./number";
import { logTicks, type Axis } from "./plot";
import { real } from "./real";

const LEFT = 150, RIGHT = 18, GAP = 40, TOP = 50, FOOT = 28, ROW = 22, LEAST = 2, TALL = 560;
const READABLE = 8; // the height of a row under which it has no text

export const ROWS = `
.rows{display:block;width:100%;cursor:pointer}
.rows text{font:11px var(--sans);fill:var(--soft)}.rows .layer{font-size:12px;fill:var(--ink)}
.rows .head{font:600 13px var(--sans)}.rows .num{fill:var(--ink);paint-order:stroke;stroke:var(--bg);stroke-width:3px;stroke-linejoin:round}
.rows .odd{fill:var(--frame)}.rows .now{fill:var(--fwd-bg)}.rows .chosen{font-weight:700}
.grid{stroke:var(--line)}.limit{stroke:var(--bad);stroke-dasharray:4 3;fill:none}.word{fill:var(--bad)!important}.rows .usual{fill:var(--leaf)}
.rows .bar{opacity:.38}.rows .warned{fill:var(--bad)!important}.rows text.warned{font-weight:600}
`;

interface Mark {
  bar: SVGElement;
  dot: SVGElement | null;
  text: SVGElement | null;
}
interface Column {
  name: Measure;
  axis: Axis;
  left: number;
  broad: number;
  marks: Mark[];
}

const power = (v: number): string => (v === 1 ? "1" : v.toExponential(0).replace("e+", "e"));

export class Rows {
  readonly element = svg("svg", { class: "rows", "aria-hidden": "true" });
  readonly #row: number;
  readonly #tall: number;
  #columns: Column[] = [];
  #labels: (SVGTextElement | null)[] = [];
  #band = svg("rect", { class: "now", x: 8, y: -99 });

  constructor(
    readonly data: GradFlowData,
    picked: (layer: number) => void,
  ) {
    this.#row = Math.max(LEAST, Math.min(ROW, TALL / data.layers.length));
    this.#tall = this.#row * data.layers.length;
    this.element.addEventListener("click", (e) => {
      const i = Math.floor((e.clientY - this.element.getBoundingClientRect().top - TOP) / this.#row);
      if (i >= 0 && i < data.layers.length) picked(i);
    });
  }

  /** Draw everything that does not depend on the iteration, for a width. */
  build(wide: number): void {
    const row = this.#row;
    put(this.element, "viewBox", `0 0 ${wide} ${TOP + this.#tall + FOOT}`);
    this.element.style.height = `${TOP + this.#tall + FOOT}px`;
    this.element.replaceChildren();
    this.data.layers.forEach((_, i) => {
      if (row > READABLE && i % 2) this.element.append(svg("rect", { class: "odd", x: 8, y: TOP + row * i, width: wide - 16, height: row }));
    });
    put(this.#band, "width", String(wide - 16));
    put(this.#band, "height", String(row));
    this.element.append(this.#band);
    this.#names();
    const there = measuresOf(this.data);
    const room = wide - LEFT - RIGHT - GAP * (there.length - 1) - 24;
    const shares = there.reduce((sum, name) => sum + COLUMNS[name].share, 0);
    let left = LEFT;
    this.#columns = there.map((name) => {
      const broad = (room * COLUMNS[name].share) / shares;
      const made = this.#column(name, left, broad);
      left += broad + GAP;
      return made;
    });
  }

  #names(): void {
    const every = Math.ceil(13 / this.#row);
    this.#labels = this.data.layers.map(({ name }, i) => {
      if (i % every) return null;
      const y = TOP + this.#row * (i + 0.5) + (every === 1 ? 4 : 8);
      const text = svg("text", { class: "layer", x: LEFT - 10, y, "text-anchor": "end" }, cut(name, 60), svg("title", {}, name));
      this.element.append(text);
      fit(text, name, LEFT - 22);
      return text;
    });
    this.element.append(svg("text", { x: 12, y: TOP + this.#tall + 18 }, "↓ forward  ↑ gradient"));
  }

  #column(name: Measure, left: number, broad: number): Column {
    const axis = axisOf(this.data, name);
    const { words, colour } = COLUMNS[name];
    const place = (v: number): string => (left + share(axis, v) * broad).toFixed(1);
    const under = { y: TOP + this.#tall + 18, "text-anchor": "middle" };
    const head = svg("text", { class: "head", x: left, y: 16 }, words);
    head.style.fill = colour;
    this.element.append(head);
    if (name === "ratio") {
      const [a, b] = this.data.band.map((v) => Number(place(v)));
      const usual = svg("rect", { x: a, y: TOP, width: b - a, height: this.#tall, "fill-opacity": 0.13 }, svg("title", {}, "Usual: around 1e-3"));
      usual.style.fill = "var(--leaf)";
      this.element.append(usual, svg("text", { class: "usual", x: (a + b) / 2, ...under }, "usual"));
    }
    const ticks = name === "dead" ? (broad < 90 ? [0, 1] : [0, 0.5, 1]) : logTicks(axis.low, axis.high, broad / 62);
    for (const v of ticks) {
      this.element.append(svg("path", { class: "grid", d: `M${place(v)} ${TOP - 4}V${TOP + this.#tall}` }),
        svg("text", { x: place(v), y: TOP - 9, "text-anchor": "middle" }, name === "dead" ? percent(v) : power(v)));
    }
    for (const [word, limit] of limitsOf(this.data, name)) {
      if (limit < axis.low || limit > axis.high) continue;
      this.element.append(svg("path", { class: "limit", d: `M${place(limit)} ${TOP - 4}v${this.#tall + 8}` }), svg("text", { class: "word", x: place(limit), ...under }, word));
    }
    return { name, axis, left, broad, marks: this.data.layers.map((_, i) => this.#mark(i, left, colour)) };
  }

  #mark(i: number, left: number, colour: string): Mark {
    const y = TOP + this.#row * (i + 0.5);
    const readable = this.#row > READABLE;
    const thick = readable ? 6 : this.#row;
    const bar = svg("rect", { class: "bar", x: left, y: (y - thick / 2).toFixed(1), height: thick.toFixed(1), rx: readable ? 3 : 0 });
    const dot = readable ? svg("circle", { cy: y.toFixed(1), r: 4 }) : null;
    const text = readable ? svg("text", { class: "num", y: (y + 4).toFixed(1) }) : null;
    for (const one of [bar, dot]) if (one) one.style.fill = colour;
    this.element.append(...[bar, dot, text].filter((x) => x !== null));
    return { bar, dot, text };
  }

  /** Show an iteration. */
  paint(k: number): void {
    for (const { name, axis, left, broad, marks } of this.#columns) {
      this.data.measures[name]![k].forEach((cell, i) => {
        const { bar, dot, text } = marks[i];
        const glyphs = warned(this.data, k, i, name).map((kind) => GLYPHS[kind]).join("");
        const end = left + (cell === null ? 0 : share(axis, real(cell))) * broad;
        put(bar, "width", cell === null ? "0" : Math.max(1, end - left).toFixed(1));
        for (const one of [bar, dot, text]) one?.classList.toggle("warned", glyphs !== "");
        if (!dot || !text) return;
        put(dot, "cx", end.toFixed(1));
        put(dot, "visibility", Number.isNaN(real(cell)) ? "hidden" : null);
        const number = cell === null ? "–" : name === "dead" ? percent(real(cell)) : g(cell, 4);
        const words = glyphs ? `${glyphs} ${number}` : number;
        const beside = end + 9 + words.length * 6.4 < left + broad + GAP - 8;
        put(text, "x", (beside ? end + 9 : end - 9).toFixed(1));
        put(text, "text-anchor", beside ? "start" : "end");
        say(text, words);
      });
    }
  }

  /** Mark a layer's row; none with -1. */
  choose(layer: number): void {
    put(this.#band, "y", layer < 0 ? "-99" : String(TOP + this.#row * layer));
    this.#labels.forEach((label, i) => label?.classList.toggle("chosen", i === layer));
  }
}

/** Shorten a text in the picture until it is no wider than there is room. */
function fit(text: SVGTextElement, words: string, room: number): void {
  for (let most = Math.min(60, words.length); most > 3 && (text.getComputedTextLength?.() ?? 0) > room; most--) text.firstChild!.textContent = cut(words, most);
}
