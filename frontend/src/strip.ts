// The epochs of a loader as lines of cells, a cell for each row in the order drawn, and threads from the batch at hand to where its rows are in
// the epochs beside.
import type { Epoch } from "./conveyor";
import { el, put, svg } from "./dom";

const TALL = 22, BETWEEN = 40, LEFT = 62, SPACE = 0.35; // cells, room between epochs, their names, room between batches in cells
const MOST_LINES = 64, LEAST_WIDE = 560, LEAST_CELLS = 12, LETTER = 7;

export const STRIP = `
.strip{display:block;width:100%;height:auto}.strip rect{cursor:pointer}.strip text{font:11px var(--mono);fill:var(--ink);pointer-events:none;text-anchor:middle}.strip .name{text-anchor:start;fill:var(--soft);font:600 12px var(--sans)}
.strip .cell{stroke:var(--hue,var(--edge));fill:var(--node)}.strip .cell.in{fill:color-mix(in srgb,var(--hue,var(--edge)) 30%,var(--node))}.strip .cell.left{stroke-dasharray:3 2}
.strip .cell.picked{stroke:var(--ink);stroke-width:2.6}.strip .thread{fill:none;stroke:var(--hue,var(--edge));stroke-width:1.6;opacity:.85}.strip .thread.picked{stroke:var(--ink);stroke-width:2.4;opacity:1}
`;

interface Look {
  hue(id: number): string | null;
  name(id: number): string;
  told(id: number): string;
}
interface Cell {
  id: number;
  batch: number; // -1: dropped
  x: number;
  node: SVGElement;
}

export class Strip {
  readonly element = el("div");
  #cells: Cell[][] = [];
  #lines = svg("g");
  #shown = "";
  #wide = 0;

  constructor(
    readonly look: Look,
    readonly go: (epoch: number, step: number) => void,
  ) {}

  /** Whether the room has changed since the cells were laid. */
  get stale(): boolean {
    return this.element.clientWidth !== this.#wide;
  }

  lay(epochs: Epoch[], batches: number[][]): void {
    this.#wide = this.element.clientWidth;
    const wide = Math.max(LEAST_WIDE, this.#wide || 1000);
    const unit = (wide - LEFT) / Math.max(LEAST_CELLS, ...epochs.map((it) => it.steps.length + it.sizes.length * SPACE));
    const tall = (epochs.length - 1) * (TALL + BETWEEN) + TALL + 5;
    this.#lines = svg("g");
    this.#shown = "";
    const picture = svg("svg", { class: "strip", viewBox: `0 0 ${wide} ${tall}`, role: "img", "aria-label": "The order of each epoch" }, this.#lines);
    this.#cells = epochs.map((epoch, k) => {
      const y = top(k);
      picture.append(svg("text", { class: "name", x: 0, y: y + 15 }, `epoch ${k + 1}`));
      return epoch.steps.map((id, i) => {
        const batch = batches[k][i];
        const x = LEFT + (i + (batch < 0 ? epoch.sizes.length : batch) * SPACE) * unit;
        const node = svg("rect", { style: this.look.hue(id), x: x.toFixed(1), y, width: Math.max(1, unit - 2).toFixed(1), height: TALL, rx: Math.min(4, unit / 5).toFixed(1), onclick: () => this.go(k, i + 1) },
          svg("title", {}, this.look.told(id)));
        picture.append(node);
        if (unit >= 2.5 * LETTER) picture.append(svg("text", { x: (x + unit / 2 - 1).toFixed(1), y: y + 15 }, this.look.name(id).slice(0, Math.floor(unit / LETTER))));
        return { id, batch, x: x + unit / 2 - 1, node };
      });
    });
    this.element.replaceChildren(picture);
  }

  /** So many rows of this epoch have been drawn; `picked` is the row that is followed. */
  show(e: number, drawn: number, picked: number | null): void {
    this.#cells.forEach((line, k) => line.forEach((it, i) => put(it.node, "class", `cell${k < e || (k === e && i < drawn) ? " in" : ""}${it.batch < 0 ? " left" : ""}${it.id === picked ? " picked" : ""}`)));
    const hand = this.#cells[e][Math.max(0, drawn - 1)]?.batch;
    const shown = `${e} ${hand} ${picked}`;
    if (this.#shown === shown) return;
    this.#shown = shown;
    const from = this.#cells[e].filter((it) => it.id === picked || it.batch === hand).slice(0, MOST_LINES);
    this.#lines.replaceChildren(...[e - 1, e + 1].filter((k) => this.#cells[k]).flatMap((k) => {
      const [y1, y2] = k > e ? [top(e) + TALL, top(k)] : [top(e), top(k) + TALL];
      const middle = (y1 + y2) / 2;
      return from.flatMap(({ id, x }) => this.#cells[k].filter((it) => it.id === id).map((it) =>
        svg("path", { class: id === picked ? "thread picked" : "thread", style: this.look.hue(id), d: `M${x.toFixed(1)} ${y1}C${x.toFixed(1)} ${middle} ${it.x.toFixed(1)} ${middle} ${it.x.toFixed(1)} ${y2}` })));
    }));
  }
}

const top = (epoch: number): number => epoch * (TALL + BETWEEN) + 2;
