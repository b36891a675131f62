// The numbers of a tensor as the page got them (see gradviz/widgets/tensors/tensor_pack.py): bytes plane by plane in base64, exact,
// rounded (to float32 or to eight bits), or in blocks by their extremes and means.
import { bytes } from "./heat";
import { g } from "./number";

export interface Packed {
  kind: "exact" | "rounded" | "pooled";
  shape: number[]; // of the cells: elements, or blocks of them
  block: number[];
  type: string;
  data: string;
  low?: string;
  high?: string;
  flags?: string; // 1 NaN, 2 inf, 4 -inf, 8 nothing finite
}

export type Shown = "extreme" | "mean" | "min" | "max";

type Plain = ArrayLike<number | bigint> & Iterable<number | bigint>;

/** Bytes that were laid out plane by plane, element by element again. */
export function unplane(planes: Uint8Array, size: number): ArrayBuffer {
  const count = planes.length / size;
  const out = new Uint8Array(planes.length);
  for (let k = 0; k < size; k++) for (let i = 0; i < count; i++) out[i * size + k] = planes[k * count + i];
  return out.buffer;
}

/** A half-precision number from its sixteen bits (IEEE 754 binary16). */
export function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}

const READ: Record<string, [size: number, read: (raw: ArrayBuffer) => Plain]> = {
  u1: [1, (raw) => new Uint8Array(raw)],
  i1: [1, (raw) => new Int8Array(raw)],
  u2: [2, (raw) => new Uint16Array(raw)],
  i2: [2, (raw) => new Int16Array(raw)],
  u4: [4, (raw) => new Uint32Array(raw)],
  i4: [4, (raw) => new Int32Array(raw)],
  i8: [8, (raw) => new BigInt64Array(raw)],
  u8: [8, (raw) => new BigUint64Array(raw)],
  f2: [2, (raw) => Float64Array.from(new Uint16Array(raw), half)],
  bf: [2, (raw) => new Float32Array(Uint32Array.from(new Uint16Array(raw), (v) => v << 16).buffer)],
  f4: [4, (raw) => new Float32Array(raw)],
  f8: [8, (raw) => new Float64Array(raw)],
};

export function decode(text: string, type: string): Plain {
  const [size, read] = READ[type];
  return read(unplane(bytes(text), size));
}

export class Numbers {
  readonly kind: Packed["kind"];
  readonly shape: number[];
  readonly steps: number[]; // from a cell to the next along each dimension
  readonly count: number;
  #data: Plain;
  #low: Plain;
  #high: Plain;
  #flags: Plain | null;
  #whole: boolean;
  #logical: boolean;

  /** `size` is the whole tensor's shape; `origin` where this piece of it begins. */
  constructor(
    readonly packed: Packed,
    readonly size: number[],
    dtype: string,
    readonly origin: number[] = size.map(() => 0),
  ) {
    this.kind = packed.kind;
    this.shape = packed.shape;
    this.steps = this.shape.map((_, i) => this.shape.slice(i + 1).reduce((a, b) => a * b, 1));
    this.count = this.shape.reduce((a, b) => a * b, 1);
    this.#data = decode(packed.data, packed.type);
    this.#low = packed.low ? decode(packed.low, packed.type) : this.#data;
    this.#high = packed.high ? decode(packed.high, packed.type) : this.#data;
    this.#flags = packed.flags ? decode(packed.flags, "u1") : null;
    this.#whole = /^u?int/.test(dtype);
    this.#logical = dtype === "bool";
  }

  /** The number that gives a cell its colour. A block that holds something not finite is that. */
  at(cell: number, shown: Shown = "extreme"): number {
    if (!this.#flags) return Number(this.#data[cell]);
    const flags = Number(this.#flags[cell]);
    if (flags) return flags & 1 ? NaN : flags & 2 ? Infinity : flags & 4 ? -Infinity : NaN;
    const [low, high] = [Number(this.#low[cell]), Number(this.#high[cell])];
    return shown === "mean" ? Number(this.#data[cell]) : shown === "min" ? low : shown === "max" ? high : -low > high ? low : high;
  }

  /** In words, as Python writes it; what is not exact says so. */
  text(cell: number, digits = 6): string {
    const v = this.#data[cell];
    if (this.kind === "exact") return this.#logical ? (v ? "True" : "False") : this.#whole ? String(v) : g(Number(v), digits);
    if (!this.#flags) return Number.isFinite(v) && v !== 0 ? `≈ ${g(Number(v), this.packed.type === "bf" ? 3 : 6)}` : g(Number(v));
    const flags = Number(this.#flags[cell]);
    const bad = ["nan", "inf", "-inf"].filter((_, i) => flags & (1 << i));
    const fine = flags & 8 ? [] : [`${g(Number(this.#low[cell]), 3)} … ${g(Number(this.#high[cell]), 3)}`, `mean ${g(Number(v), 3)}`];
    return [...bad, ...fine].join(", ");
  }

  /** What fits into a cell. */
  short(cell: number, shown: Shown): string {
    if (this.#logical && this.kind === "exact") return this.#data[cell] ? "True" : "False";
    if (this.kind === "exact" && this.#whole) return String(this.#data[cell]);
    return g(this.at(cell, shown), this.packed.type === "bf" ? 3 : 4);
  }

  /** The index of a cell in the whole tensor: `[2, 0:8]`. */
  index(cell: number): string {
    return `[${this.starts(cell).map(([from, to]) => (to - from === 1 ? String(from) : `${from}:${to}`)).join(", ")}]`;
  }

  /** Where a cell begins and ends along each dimension. */
  starts(cell: number): [number, number][] {
    return this.shape.map((n, i) => {
      const from = this.origin[i] + (Math.floor(cell / this.steps[i]) % n) * this.packed.block[i];
      return [from, Math.min(this.size[i], from + this.packed.block[i])];
    });
  }

  /** The cell that holds an element, given by its place in the whole tensor; -1 if it is not in this piece. */
  cellOf(flat: number): number {
    let cell = 0;
    for (let i = this.size.length - 1; i >= 0; i--) {
      const k = Math.floor(((flat % this.size[i]) - this.origin[i]) / this.packed.block[i]);
      if (k < 0 || k >= this.shape[i]) return -1;
      cell += k * this.steps[i];
      flat = Math.floor(flat / this.size[i]);
    }
    return cell;
  }
}

/** Cells laid out in rows and columns: some dimensions run down, some across, the others are picked by an index. */
export class Layout {
  readonly rows: number;
  readonly columns: number;
  readonly wrapped: boolean;
  #down: Int32Array;
  #across: Int32Array;
  #base: number;

  constructor(
    readonly numbers: Numbers,
    readonly down: number[],
    readonly across: number[],
    readonly picked: number[],
  ) {
    const { shape, steps } = numbers;
    this.#down = offsets(down, shape, steps);
    this.#across = offsets(across, shape, steps);
    this.#base = shape.reduce((sum, _, i) => sum + (down.includes(i) || across.includes(i) ? 0 : picked[i] * steps[i]), 0);
    const wrap = wrapAt(this.#across.length);
    this.wrapped = shape.length === 1 && wrap < this.#across.length;
    this.columns = this.wrapped ? wrap : this.#across.length;
    this.rows = this.wrapped ? Math.ceil(this.#across.length / wrap) : this.#down.length;
  }

  /** The cell at a place; -1 past the end of a wrapped row. */
  cell(row: number, column: number): number {
    if (!this.wrapped) return this.#base + this.#down[row] + this.#across[column];
    const i = row * this.columns + column;
    return i < this.#across.length ? i : -1;
  }

  /** The place of a cell of this slice; null where the slice does not hold it. */
  place(cell: number): [number, number] | null {
    if (this.wrapped) return [Math.floor(cell / this.columns), cell % this.columns];
    const { shape, steps } = this.numbers;
    const at = shape.map((n, i) => Math.floor(cell / steps[i]) % n);
    if (at.some((k, i) => !this.down.includes(i) && !this.across.includes(i) && k !== this.picked[i])) return null;
    const along = (dims: number[]): number => dims.reduce((sum, i) => sum * shape[i] + at[i], 0);
    return [along(this.down), along(this.across)];
  }

  /** What stands beside a row or over a column: its indices, those of the outer dimensions first. */
  label(side: "down" | "across", k: number): string {
    if (this.wrapped) return String(side === "down" ? k * this.columns : k);
    const parts: number[] = [];
    for (const i of [...this[side]].reverse()) {
      const n = this.numbers.shape[i];
      parts.unshift(this.numbers.origin[i] + (k % n) * this.numbers.packed.block[i]);
      k = Math.floor(k / n);
    }
    return parts.join(",");
  }

  /** Cells after which a new tile begins; 0 where there are no tiles. */
  tile(side: "down" | "across"): number {
    return this[side].length > 1 ? this.numbers.shape[this[side][this[side].length - 1]] : 0;
  }
}

/** Numbers in a row of one long dimension: as gradviz/widgets/tensors/tensor_layout.py. */
function wrapAt(count: number): number {
  return count <= 48 ? count : count <= 1000 ? 50 : count <= 10000 ? 100 : 200;
}

function offsets(dims: number[], shape: number[], steps: number[]): Int32Array {
  let made = [0];
  for (const i of dims) made = made.flatMap((from) => Array.from({ length: shape[i] }, (_, k) => from + k * steps[i]));
  return Int32Array.from(made);
}
