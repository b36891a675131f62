// Clipping as gradviz/nn/utils/clip_grad.py does it, in the same order of operations and the same precision.
import { DOUBLE, SINGLE, type Round } from "./scalar";

export type Mode = "norm" | "value";
export type Order = 1 | 2 | "inf";
export const ORDERS: Order[] = [1, 2, "inf"];
const EPSILON = 1e-6;

export const rounding = (single: boolean): Round => (single ? SINGLE : DOUBLE);

export function norm(v: number[], order: Order, r: Round): number {
  if (order === "inf") return v.reduce((top, x) => (Number.isNaN(x) ? NaN : Math.max(top, Math.abs(x))), 0);
  const sum = v.reduce((all, x) => r(all + (order === 1 ? Math.abs(x) : r(x * x))), 0);
  return order === 1 ? sum : r(Math.sqrt(sum));
}

/** What a norm is multiplied by; 1 where it is within the threshold. */
export function factor(size: number, limit: number, r: Round): number {
  const times = r(r(1 / r(size + r(EPSILON))) * r(limit)); // a number divided by a tensor is a reciprocal and a product
  return times < 1 ? times : Number.isNaN(times) ? NaN : 1;
}

export function clip(v: number[], mode: Mode, limit: number, order: Order, r: Round): number[] {
  if (mode === "value") return v.map((x) => (x > limit ? r(limit) : x < -limit ? -r(limit) : x));
  const times = factor(norm(v, order, r), limit, r);
  return v.map((x) => r(x * times));
}

/** The angle between two vectors in degrees; 0 where one has no direction. */
export function degrees(a: number[], b: number[]): number {
  const dot = (p: number[], q: number[]): number => p.reduce((sum, x, i) => sum + x * q[i], 0);
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  if (!(aa > 0 && bb > 0 && Number.isFinite(aa + bb + ab))) return 0;
  const turn = (Math.acos(Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)))) * 180) / Math.PI;
  return turn > 1e-4 ? turn : 0;
}
