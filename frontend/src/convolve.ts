// Convolution and pooling of one image by the sums that the picture spells out, in single precision like the engine.
export type Grid = number[][];

export interface Conv {
  kind: "conv" | "max" | "avg";
  x: Grid[]; // input channel, row, column
  w: Grid[][]; // output channel, input channel, row, column
  b: number[];
  stride: [number, number];
  padding: [number, number];
  dilation: [number, number];
}

/** One entry of the window: where it lies in the image (perhaps outside), its kernel entry and its image entry. */
export interface Entry {
  c: number;
  y: number;
  x: number;
  a: number;
  e: number;
  inside: boolean;
  w: number;
  v: number;
}

const f = Math.fround;

/** Rows and columns of the output; less than one where the kernel does not fit. */
export function outputSize(conv: Conv): [number, number] {
  const size = [conv.x[0].length, conv.x[0][0].length];
  const kernel = [conv.w[0][0].length, conv.w[0][0][0].length];
  return [0, 1].map((d) => Math.floor((size[d] + 2 * conv.padding[d] - conv.dilation[d] * (kernel[d] - 1) - 1) / conv.stride[d]) + 1) as [number, number];
}

export function windowAt(conv: Conv, o: number, i: number, j: number): Entry[] {
  const [rows, columns] = [conv.x[0].length, conv.x[0][0].length];
  return conv.w[o].flatMap((kernel, c) => kernel.flatMap((line, a) => line.map((w, e) => {
    const y = i * conv.stride[0] - conv.padding[0] + a * conv.dilation[0];
    const x = j * conv.stride[1] - conv.padding[1] + e * conv.dilation[1];
    const inside = y >= 0 && y < rows && x >= 0 && x < columns;
    return { c, y, x, a, e, inside, w, v: inside ? conv.x[c][y][x] : conv.kind === "max" ? -Infinity : 0 };
  })));
}

/** The entry that a maximum comes from: the first of the largest. */
export function largest(entries: Entry[]): Entry {
  return entries.reduce((best, e) => (e.v > best.v ? e : best));
}

export function outputAt(conv: Conv, o: number, i: number, j: number): number {
  const entries = windowAt(conv, o, i, j);
  if (conv.kind === "max") return largest(entries).v;
  return entries.reduce((sum, e) => f(sum + f(e.w * e.v)), f(conv.b[o]));
}

export const zeros = (rows: number, columns: number): Grid => Array.from({ length: rows }, () => Array<number>(columns).fill(0));

/** What the gradient of one output adds to the image's and the kernel's gradients. */
export function sendBack(conv: Conv, o: number, i: number, j: number, g: number, gx: Grid[], gw: Grid[][]): void {
  const entries = windowAt(conv, o, i, j);
  for (const e of conv.kind === "max" ? [largest(entries)] : entries) {
    if (e.inside) gx[e.c][e.y][e.x] = f(gx[e.c][e.y][e.x] + (conv.kind === "max" ? g : f(g * e.w)));
    if (conv.kind === "conv") gw[o][e.c][e.a][e.e] = f(gw[o][e.c][e.a][e.e] + f(g * (e.inside ? e.v : 0)));
  }
}

export const KERNELS: [string, Grid][] = [
  ["identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]],
  ["blur", Array.from({ length: 3 }, () => Array<number>(3).fill(f(1 / 9)))],
  ["edges, upright", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]],
  ["edges, level", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]],
  ["sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]],
];
