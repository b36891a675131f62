// A grid of numbers on a canvas: colours, rulers, marks of what is not finite, numbers where a cell has room, the cursor.
import type { Layout, Shown } from "./tensor_data";

export type Colours = "signed" | "classes" | "grey";
export type RGB = readonly [number, number, number];

export interface Look {
  colours: Colours;
  full: number; // the number that gets the full colour
  black: number; // of an image
  white: number;
  classes: number[]; // whole numbers with a colour each
  shown: Shown;
  image: boolean;
}

export interface Camera {
  w: number; // of a cell
  h: number;
  row: number; // first one in sight
  column: number;
}

export const RULER = 18; // pixels over the grid
export const TALL = 440; // pixels of a grid
const GLYPHS = 3000; // of numbers that are not finite, in sight
const NUMBER: [number, number] = [58, 24]; // a cell with its number
const LADDER: [number, number][] = [[2, 2], [4, 4], [7, 7], [12, 12], [20, 20], [32, 24], NUMBER, [96, 30]];

export const theme = (node: Element, name: string): string => getComputedStyle(node).getPropertyValue(`--${name}`).trim();

export function rgb(text: string): RGB {
  const full = text.length === 4 ? text.replace(/[0-9a-f]/gi, "$&$&") : text;
  const n = parseInt(full.slice(1), 16) || 0;
  return [n >> 16, (n >> 8) & 255, n & 255];
}

const mix = (a: RGB, b: RGB, t: number): RGB => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];

/** The colours of a theme as a function from a number to pixels. */
export function painter(node: Element, look: Look): (v: number) => RGB {
  const [paper, plus, minus, bad] = ["bg", "fwd", "bwd", "bad"].map((name) => rgb(theme(node, name)));
  if (look.colours === "grey") {
    return (v) => (Number.isFinite(v) ? grey((v - look.black) / (look.white - look.black || 1)) : bad);
  }
  if (look.colours === "classes") {
    const palette = Array.from({ length: 12 }, (_, i) => mix(paper, rgb(theme(node, `s${i % 6}`)), i < 6 ? 1 : 0.5));
    const known = new Map(look.classes.map((v, i) => [v, palette[i % 12]]));
    return (v) => (Number.isFinite(v) ? (known.get(v) ?? paper) : bad);
  }
  return (v) => (Number.isFinite(v) ? mix(paper, v < 0 ? minus : plus, Math.min(1, Math.abs(v) / (look.full || 1))) : bad);
}

function grey(part: number): RGB {
  const v = 255 * Math.min(1, Math.max(0, part));
  return [v, v, v];
}

/** Ink that can be read on a colour. */
export function inkOn([r, g, b]: RGB): string {
  const part = (v: number): number => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) > 0.179 ? "#101828" : "#fff";
}

/** The largest cells with which the whole grid is in sight; at least two pixels. */
export function fit(rows: number, columns: number, wide: number): Camera {
  if (columns * NUMBER[0] <= wide && rows * NUMBER[1] <= TALL) {
    return { w: Math.min(96, Math.floor(wide / columns)), h: rows * 30 <= TALL ? 30 : NUMBER[1], row: 0, column: 0 };
  }
  const size = Math.max(2, Math.min(28, wide / columns, TALL / rows));
  return { w: size, h: rows <= 4 ? Math.max(size, 22) : size, row: 0, column: 0 };
}

/** The next step in or out from the cells of now. */
export function zoomed(now: Camera, by: 1 | -1): [number, number] {
  const found = by > 0 ? LADDER.find(([w]) => w > now.w + 0.5) : [...LADDER].reverse().find(([w]) => w < now.w - 0.5);
  return found ?? [now.w, now.h];
}

export class Grid {
  bitmap: OffscreenCanvas | HTMLCanvasElement | null = null;
  bad: [row: number, column: number, v: number][] = [];
  left = 0; // pixels of the ruler beside the grid

  constructor(
    readonly canvas: HTMLCanvasElement,
    public layout: Layout,
    public look: Look,
    private channels: (row: number, column: number) => [number, number, number] | null,
  ) {}

  /** Colour every cell once; drawing then only copies what is in sight. */
  paint(): void {
    const { rows, columns } = this.layout;
    const colour = painter(this.canvas, this.look);
    const bitmap = document.createElement("canvas");
    bitmap.width = Math.max(1, columns);
    bitmap.height = Math.max(1, rows);
    this.bad = [];
    const pen = bitmap.getContext("2d");
    this.bitmap = bitmap;
    if (!pen) return;
    const pixels = pen.createImageData(bitmap.width, bitmap.height);
    const gap = rgb(theme(this.canvas, "bg"));
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const cell = this.layout.cell(r, c);
        const v = cell < 0 ? 0 : this.layout.numbers.at(cell, this.look.shown);
        if (cell >= 0 && !Number.isFinite(v)) this.bad.push([r, c, v]);
        const three = this.look.image ? this.channels(r, c) : null;
        const [red, green, blue] = cell < 0 ? gap : three ? three.map((x) => grey((x - this.look.black) / (this.look.white - this.look.black || 1))[0]) : colour(v);
        pixels.data.set([red, green, blue, 255], 4 * (r * columns + c));
      }
    }
    pen.putImageData(pixels, 0, 0);
  }

  /** Room for the grid in a canvas `wide` pixels across. */
  ruler(pen: CanvasRenderingContext2D): number {
    const last = this.layout.label("down", this.layout.rows - 1);
    return this.layout.rows < 2 && !this.layout.wrapped ? 0 : Math.ceil(pen.measureText(last).width) + 10;
  }

  draw(wide: number, camera: Camera, cursor: [number, number] | null, tag: string): void {
    const { rows, columns } = this.layout;
    this.canvas.setAttribute("aria-label", tag);
    const pen = this.canvas.getContext("2d");
    if (!pen || !this.bitmap) return;
    const { w, h } = camera;
    const dots = globalThis.devicePixelRatio || 1;
    pen.font = "11px system-ui,sans-serif";
    this.left = this.ruler(pen);
    const [across, down] = [Math.min(columns - camera.column, Math.ceil((wide - this.left) / w)), Math.min(rows - camera.row, Math.ceil(TALL / h))];
    const tall = RULER + Math.min(TALL, rows * h) + 1;
    this.canvas.width = Math.round(wide * dots);
    this.canvas.height = Math.round(tall * dots);
    this.canvas.style.height = `${tall}px`;
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.font = "11px system-ui,sans-serif";
    pen.imageSmoothingEnabled = false;
    const x = (c: number): number => this.left + (c - camera.column) * w;
    const y = (r: number): number => RULER + (r - camera.row) * h;
    pen.save();
    pen.beginPath();
    pen.rect(this.left - 2, RULER - 2, wide, tall);
    pen.clip();
    pen.drawImage(this.bitmap, camera.column, camera.row, across, down, this.left, RULER, across * w, down * h);
    this.#lines(pen, camera, across, down, x, y);
    if (w >= 40 && h >= 16 && !this.look.image) this.#numbers(pen, camera, across, down, x, y);
    const radius = Math.max(4.5, Math.min(7, Math.min(w, h) / 3));
    const [bad, paper] = [theme(this.canvas, "bad"), theme(this.canvas, "bg")];
    const seen = this.bad.filter(([r, c]) => r >= camera.row && r < camera.row + down && c >= camera.column && c < camera.column + across);
    for (const [r, c, v] of seen.slice(0, GLYPHS)) glyph(pen, v, x(c) + w / 2, y(r) + h / 2, radius, bad, paper);
    if (cursor) {
      const [r, c] = cursor;
      pen.lineWidth = 4;
      pen.strokeStyle = theme(this.canvas, "bg");
      pen.strokeRect(x(c) - 0.5, y(r) - 0.5, Math.max(w, 3) + 1, Math.max(h, 3) + 1);
      pen.lineWidth = 2;
      pen.strokeStyle = theme(this.canvas, "ink");
      pen.strokeRect(x(c) - 0.5, y(r) - 0.5, Math.max(w, 3) + 1, Math.max(h, 3) + 1);
    }
    pen.restore();
    this.#rulers(pen, wide, camera, across, down, x, y, cursor);
  }

  #lines(pen: CanvasRenderingContext2D, camera: Camera, across: number, down: number, x: (c: number) => number, y: (r: number) => number): void {
    const rule = (step: number, thick: number, colour: string, side: "down" | "across"): void => {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.beginPath();
      if (side === "across") for (let c = Math.ceil(camera.column / step) * step; c <= camera.column + across; c += step) (pen.moveTo(x(c), RULER), pen.lineTo(x(c), y(camera.row + down)));
      else for (let r = Math.ceil(camera.row / step) * step; r <= camera.row + down; r += step) (pen.moveTo(this.left, y(r)), pen.lineTo(x(camera.column + across), y(r)));
      pen.stroke();
    };
    const line = theme(this.canvas, "line");
    if (Math.min(camera.w, camera.h) >= 9 && !this.look.image) (rule(1, 0.5, line, "across"), rule(1, 0.5, line, "down"));
    for (const side of ["across", "down"] as const) {
      const step = this.layout.tile(side);
      if (step && step * (side === "across" ? camera.w : camera.h) >= 8 && !this.look.image) rule(step, 3, theme(this.canvas, "bg"), side);
    }
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    pen.strokeRect(this.left + 0.5, RULER + 0.5, across * camera.w - 1, down * camera.h - 1);
  }

  #numbers(pen: CanvasRenderingContext2D, camera: Camera, across: number, down: number, x: (c: number) => number, y: (r: number) => number): void {
    const colour = painter(this.canvas, this.look);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let r = camera.row; r < camera.row + down; r++) {
      for (let c = camera.column; c < camera.column + across; c++) {
        const cell = this.layout.cell(r, c);
        if (cell < 0) continue;
        const v = this.layout.numbers.at(cell, this.look.shown);
        if (!Number.isFinite(v)) continue;
        pen.fillStyle = inkOn(colour(v));
        const text = this.layout.numbers.short(cell, this.look.shown);
        pen.fillText(text, x(c) + camera.w / 2, y(r) + camera.h / 2 + 0.5, camera.w - 4);
      }
    }
  }

  #rulers(pen: CanvasRenderingContext2D, wide: number, camera: Camera, across: number, down: number, x: (c: number) => number, y: (r: number) => number, cursor: [number, number] | null): void {
    const [soft, ink, bg] = ["soft", "ink", "bg"].map((name) => theme(this.canvas, name));
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    const write = (text: string, px: number, py: number, strong: boolean): void => {
      pen.font = `${strong ? "700 " : ""}11px system-ui,sans-serif`;
      if (pen.textAlign === "center") px = Math.min(px, wide - pen.measureText(text).width / 2);
      if (strong) {
        const room = pen.measureText(text).width + 4;
        pen.fillStyle = bg;
        pen.fillRect(pen.textAlign === "right" ? px - room + 2 : px - room / 2, py - 7, room, 14);
      }
      pen.fillStyle = strong ? ink : soft;
      pen.fillText(text, px, py);
    };
    const widest = pen.measureText(this.layout.label("across", this.layout.columns - 1)).width + 10;
    const every = (size: number, room: number): number => [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000].find((n) => n * size >= room) ?? 10000;
    const stepX = every(camera.w, widest);
    for (let c = Math.ceil(camera.column / stepX) * stepX; c < camera.column + across; c += stepX) write(this.layout.label("across", c), x(c) + camera.w / 2, RULER / 2, false);
    if (cursor && cursor[1] >= camera.column && cursor[1] < camera.column + across) write(this.layout.label("across", cursor[1]), x(cursor[1]) + camera.w / 2, RULER / 2, true);
    if (!this.left) return;
    pen.textAlign = "right";
    const stepY = every(camera.h, 13);
    for (let r = Math.ceil(camera.row / stepY) * stepY; r < camera.row + down; r += stepY) write(this.layout.label("down", r), this.left - 5, y(r) + camera.h / 2, false);
    if (cursor && cursor[0] >= camera.row && cursor[0] < camera.row + down) write(this.layout.label("down", cursor[0]), this.left - 5, y(cursor[0]) + camera.h / 2, true);
  }
}

/** NaN is a cross, +inf a triangle that points up, -inf one that points down; on a red disc. */
function glyph(pen: CanvasRenderingContext2D, v: number, x: number, y: number, r: number, bad: string, paper: string): void {
  pen.fillStyle = bad;
  pen.beginPath();
  pen.arc(x, y, r * 1.25, 0, 7);
  pen.fill();
  pen.beginPath();
  const s = r * 0.62;
  if (Number.isNaN(v)) {
    (pen.moveTo(x - s, y - s), pen.lineTo(x + s, y + s), pen.moveTo(x + s, y - s), pen.lineTo(x - s, y + s));
    pen.strokeStyle = paper;
    pen.lineWidth = Math.max(1.3, r / 3.5);
    pen.stroke();
  } else {
    const up = v > 0 ? -1 : 1;
    (pen.moveTo(x, y + up * s * 1.2), pen.lineTo(x + s * 1.15, y - up * s * 0.8), pen.lineTo(x - s * 1.15, y - up * s * 0.8), pen.closePath());
    pen.fillStyle = paper;
    pen.fill();
  }
}
