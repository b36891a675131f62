// Numbers as Python prints them: format(v, ".6g") in detail and ".4g" where room is short.
import type { Num, Value } from "./types";

/** Python's `format(v, f".{digits}g")`, ties to even included. */
export function g(v: Num, digits = 6): string {
  if (typeof v !== "number") return typeof v === "boolean" ? (v ? "True" : "False") : v;
  if (Number.isNaN(v)) return "nan";
  if (!Number.isFinite(v)) return v < 0 ? "-inf" : "inf";
  if (v === 0) return Object.is(v, -0) ? "-0" : "0";
  let [m, e] = v.toExponential(digits - 1).split("e");
  // An exact tie that JavaScript rounded away from zero onto an odd digit: Python goes to the even one, as from a little below. To look at
  // all digits is slow: few numbers need it.
  if (Number(m[m.length - 1]) % 2 && /5e/.test(v.toExponential(digits)) && /^50*e/.test(Math.abs(v).toExponential(50).slice(digits + 1))) {
    [m, e] = (v * (1 - Number.EPSILON)).toExponential(digits - 1).split("e");
  }
  const exp = Number(e);
  const plain = String(Number(m)); // without the zeros at its end
  return exp < -4 || exp >= digits ? `${plain}e${exp < 0 ? "-" : "+"}${String(Math.abs(exp)).padStart(2, "0")}` : String(Number(`${m}e${e}`));
}

export const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

export const scalar = (v: Value | null | undefined): v is Value & { data: Num[] } => !!v?.data && v.data.length === 1;

export const shapeText = (shape: number[]): string => shape.join("×") || "scalar";

/** How a card says it: `[2, 3] float32`. */
export const kindText = (v: { shape: number[]; dtype: string }): string => `${v.shape.length ? `[${v.shape.join(", ")}]` : "scalar"} ${v.dtype.replace("torch.", "")}`;

/** A tensor in one short piece of text: all of it when it fits, else one statistic (as gradviz/viz/numbers.py). */
export function brief(v: Value | null | undefined, digits = 4, statistic: "mean" | "norm" = "mean", room = digits > 4 ? 60 : 22): string {
  if (!v) return "?";
  if (v.data && v.data.length <= 4) {
    const text = nested(v.data.map((x) => g(x, digits)), v.shape);
    if (text.length <= room || v.data.length === 1) return text;
  }
  if (v.nan || v.inf) return `${shapeText(v.shape)} ⚠ ${v.nan ? `${v.nan} nan` : ""}${v.nan && v.inf ? ", " : ""}${v.inf ? `${v.inf} inf` : ""}`;
  const known = v[statistic];
  return known === undefined || known === null ? shapeText(v.shape) : `${statistic} ${g(known, digits)}`;
}

function nested(items: string[], shape: number[]): string {
  if (shape.length === 0) return items[0];
  if (shape.length === 1) return `[${items.join(", ")}]`;
  const step = items.length / (shape[0] || 1);
  const rows = Array.from({ length: shape[0] }, (_, i) => nested(items.slice(i * step, (i + 1) * step), shape.slice(1)));
  return `[${rows.join(", ")}]`;
}
