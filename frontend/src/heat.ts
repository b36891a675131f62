// Numbers as coloured cells on a canvas: blue is positive, orange negative, and anything that is not finite is marked. A
// sequential scale (one colour, pale to full) for numbers without a sign. The colours are the theme's.
import type { Num } from "./types";

export type Scale = "signed" | "sequential" | "grey";

/** Bytes handed over in base64 (uint8 pixels, float32 numbers) as the array they are. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

export function floats(text: string): Float32Array {
  return new Float32Array(bytes(text).buffer);
}

/** Draws rows × columns numbers, each `cell` pixels, into a canvas; `top` is the number that gets the full colour. */
export function heat(canvas: HTMLCanvasElement, numbers: ArrayLike<Num>, rows: number, columns: number, top: number, scale: Scale = "signed"): void {
  canvas.width = columns;
  canvas.height = rows;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const style = getComputedStyle(canvas);
  const colour = (name: string): [number, number, number] => hex(style.getPropertyValue(`--${name}`).trim());
  const [paper, plus, minus, bad] = [colour("bg"), colour("fwd"), colour("bwd"), colour("bad")];
  const image = pen.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const v = Number(numbers[i]);
    const size = Math.min(1, Math.abs(v) / (top || 1));
    const rgb = !Number.isFinite(v) ? bad : scale === "grey" ? ([255 * size, 255 * size, 255 * size] as const) : mix(paper, scale === "signed" && v < 0 ? minus : plus, size);
    image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
  }
  pen.putImageData(image, 0, 0);
}

function hex(text: string): [number, number, number] {
  const full = text.length === 4 ? text.replace(/[0-9a-f]/gi, "$&$&") : text;
  const n = parseInt(full.slice(1), 16) || 0;
  return [n >> 16, (n >> 8) & 255, n & 255];
}

const mix = (a: readonly number[], b: readonly number[], t: number): [number, number, number] =>
  [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * t) as [number, number, number];
