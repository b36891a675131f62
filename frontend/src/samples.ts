// Small images from packed bytes (gradviz/widgets/cnn/pictures.py), as canvases.
import { el } from "./dom";
import { bytes } from "./heat";

export interface Packed {
  count: number;
  rows: number;
  columns: number;
  channels: number;
  pixels: string;
}

/** Draws one image into a canvas of its own size; the style makes it larger, its pixels sharp. */
export function painter(packed: Packed): (i: number) => HTMLCanvasElement {
  const all = bytes(packed.pixels);
  const { rows, columns, channels } = packed;
  const half = Math.ceil(columns / 2);
  const quarter = Math.ceil(rows / 2) * half;
  const each = rows * columns + (channels === 3 ? 2 * quarter : 0);
  return (i) => {
    const canvas = el("canvas", { class: "image", width: columns, height: rows, "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    if (!pen) return canvas;
    const image = pen.createImageData(columns, rows);
    const at = i * each;
    for (let k = 0; k < rows * columns; k++) {
      const bright = all[at + k];
      let rgb = [bright, bright, bright];
      if (channels === 3) {
        const c = at + rows * columns + (Math.floor(k / columns) >> 1) * half + ((k % columns) >> 1);
        const [cb, cr] = [all[c] - 128, all[c + quarter] - 128];
        rgb = [bright + cr / 0.713, bright - (0.114 / 0.587 / 0.564) * cb - (0.299 / 0.587 / 0.713) * cr, bright + cb / 0.564];
      }
      image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * k); // a clamped array: rounds and cuts by itself
    }
    pen.putImageData(image, 0, 0);
    return canvas;
  };
}

export const SAMPLES = `
.image{image-rendering:pixelated;display:block;width:100%;height:100%;object-fit:contain}
.tile{display:flex;flex-direction:column;gap:3px;padding:4px;border:2px solid transparent;border-radius:8px;background:none;height:auto;align-items:stretch;text-align:left;white-space:normal;color:var(--ink)}
.tile .frame{aspect-ratio:var(--ratio,1);border-radius:4px;overflow:hidden;background:var(--frame);stroke:none}
.tile .name{font-size:11.5px;line-height:1.25;overflow:hidden;text-overflow:ellipsis;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow-wrap:anywhere}
.tile.right .name{color:var(--leaf)}.tile.wrong .name{color:var(--bad)}
.tile[aria-selected=true]{border-color:var(--fwd);background:var(--fwd-bg)}
.scores{display:grid;grid-template-columns:minmax(60px,max-content) 1fr max-content;gap:4px 10px;align-items:center;font-size:12.5px}
.scores .bar{height:12px;border-radius:3px;background:var(--fwd);min-width:1px}.scores .bar.truth{background:var(--leaf)}
.scores .p{font-family:var(--mono);font-size:12px}.scores .who{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;padding:0;display:block}
`;

/** The classes a sample's scores favour, as bars; the true one is marked by a tick as well as by its colour. */
export function scoreBars(top: [number, number][], classes: string[], truth: number | null, digits: (v: number) => string): HTMLElement {
  const list = el("div", { class: "scores" });
  for (const [c, p] of top) {
    list.append(el("span", { class: "who", dir: "auto" }, `${c === truth ? "✓ " : ""}${classes[c] ?? c}`),
      el("span", { class: c === truth ? "bar truth" : "bar", style: `width:${(100 * p).toFixed(1)}%` }), el("span", { class: "p" }, digits(p)));
  }
  return list;
}
