import type { Num } from "./types";

/** Python writes infinity and NaN as words, and nothing as null. */
export function real(v: Num | boolean | null | undefined): number {
  return typeof v === "number" ? v : typeof v === "boolean" ? Number(v) : v === "inf" ? Infinity : v === "-inf" ? -Infinity : NaN;
}
