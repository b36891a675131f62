import { describe, expect, it } from "vitest";
import { best, bestPlain, border, contour, factor, fate, radius, roots, walk, type Pair } from "../src/momentum";

const RAVINE: Pair = [1, 100];

describe("what a pair of rate and momentum does", () => {
  it("changes at the borders", () => {
    for (const beta of [0.1, 0.5, 0.9]) {
      for (const [edge, below, above] of [[border(beta, -1), "creeps", "swings"], [border(beta, 1), "swings", "jumps"], [2 * (1 + beta), "jumps", "diverges"]] as const) {
        expect(fate(edge - 1e-6, beta)).toBe(below);
        expect(fate(edge + 1e-6, beta)).toBe(above);
      }
    }
  });

  it("has the roots of s^2 - T s + b", () => {
    const { middle, half, complex } = roots(0.3, 0.04);
    expect(complex).toBe(false);
    expect((middle - half) * (middle + half)).toBeCloseTo(0.04, 12);
    expect(2 * middle).toBeCloseTo(1 + 0.04 - 0.3, 12);
    const pair = roots(1, 0.81);
    expect(pair.complex).toBe(true);
    expect(radius(pair)).toBeCloseTo(0.9, 12);
  });

  it("is best at Polyak's point", () => {
    const [lr, beta] = best(RAVINE);
    expect(lr).toBeCloseTo(4 / 121, 12);
    expect(factor(lr, beta, RAVINE)).toBeCloseTo(9 / 11, 6);
    expect(factor(bestPlain(RAVINE), 0, RAVINE)).toBeCloseTo(99 / 101, 12);
    for (const [a, b] of [[1.01, 1], [0.99, 1], [1, 1.01], [1, 0.99]]) expect(factor(lr * a, beta * b, RAVINE)).toBeGreaterThan(9 / 11);
  });

  it("has contours on which the factor is the same", () => {
    expect(contour(0.8, RAVINE)).toEqual([]);
    for (const level of [0.85, 0.95, 0.985]) {
      const corners = contour(level, RAVINE);
      expect(corners).toHaveLength(level < 0.98 ? 3 : 4);
      for (const [lr, beta] of corners.filter((c) => c[1] > 0)) expect(factor(lr, beta, RAVINE)).toBeCloseTo(level, 6);
    }
  });
});

describe("the walk", () => {
  it("is v = b v + L x, x = x - a v", () => {
    const made = walk([1, 2], [1, -1], 0.25, 0.5, 2);
    expect(made.velocity).toEqual([[0, 0], [1, -2], [1.25, -2]]);
    expect(made.path).toEqual([[1, -1], [0.75, -0.5], [0.4375, 0]]);
    expect(made.losses).toEqual([1.5, 0.53125, 0.095703125]);
  });

  it("keeps no velocity without momentum, however far it goes", () => {
    expect(walk([1, 100], [1, 1], 0.2, 0, 200).path.flat().every(Number.isFinite)).toBe(true);
  });
});
