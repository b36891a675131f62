import { describe, expect, it } from "vitest";
import { dimension, length, plan, read, source, stretched, tell, unravel } from "../src/broadcast";

describe("broadcasting", () => {
  it("aligns on the right and stretches from the right", () => {
    const of = plan([3, 1], [4]);
    expect(of).toMatchObject({ a: [3, 1], b: [1, 4], out: [3, 4], bad: -1, error: "" });
    expect(length(of)).toBe(4);
    expect([0, 1, 2, 3, 4].map((s) => dimension(of, s))).toEqual([-1, -1, 1, 0, -1]);
    expect([1, 2, 3, 4].map((s) => stretched(of, of.a, s))).toEqual([[3, 1], [3, 4], [3, 4], [3, 4]]);
    expect([1, 2, 3, 4].map((s) => stretched(of, of.b, s))).toEqual([[1, 4], [1, 4], [3, 4], [3, 4]]);
    expect(source(of.a, [2, 3])).toBe(2);
    expect(source(of.b, [2, 3])).toBe(3);
    expect(unravel(11, of.out)).toEqual([2, 3]);
  });
  it("names the rightmost dimension that does not fit, and stops there", () => {
    const of = plan([2, 3, 2], [3, 4, 5]);
    expect(of.bad).toBe(2);
    expect(length(of)).toBe(2);
    expect(of.error).toBe("The size of tensor a (2) must match the size of tensor b (5) at non-singleton dimension 2");
    expect(tell(of, [2, 3, 2], [3, 4, 5], 2)).toContain("neither is 1");
    expect(length(plan([3, 2], [3, 1]))).toBe(4);
    expect(length(plan([4, 2], [3, 1]))).toBe(3);
  });
  it("reads shapes as people write them", () => {
    expect(["3, 1", "(3,1)", "[4]", "(4,)", "()", "", "2x3"].map((t) => read(t, 6, 3))).toEqual([[3, 1], [3, 1], [4], [4], [], [], [2, 3]]);
    expect(["0", "7", "a", "1.5", "-1"].map((t) => typeof read(t, 6, 3))).toEqual(Array(5).fill("string"));
    expect(read("1,1,1,1", 6, 3)).toContain("dimensions");
  });
});
