import { describe, expect, it } from "vitest";
import { domain, fateOf, layers, outline, powers, stops, type Layer } from "../src/signals";

const layer = (size: number, bad = 0): Layer => ({ first: 0, heights: [1], size, zero: 0, bad });

describe("signals", () => {
  it("unpacks the rows", () => {
    const [a, b, c] = layers(["-3:0az z".replace(" z", " 2:z") + " 0:", [0.1, 4, 0], [[2, 1, 0]]]);
    expect([a.first, a.heights]).toEqual([-3, [0, 10 / 35, 1]]);
    expect([b.first, b.heights, b.size]).toEqual([2, [1], 4]);
    expect([c.heights, c.zero]).toEqual([[], 1]);
    expect(outline(c)).toEqual([]);
    expect(outline(b).map(([x, y]) => [x / Math.log10(2), y])).toEqual([[1.5, 0], [2.5, 1], [3.5, 0]]);
  });

  it("says what becomes of the gradient", () => {
    const of = (...sizes: number[]) => fateOf(sizes.map((v) => layer(v)), sizes.map((v) => layer(v)));
    expect(of(1e-3, 1)).toEqual({ fate: "vanishing", ratio: 1e-3, each: 1e-3 });
    expect(of(100, 10, 1)).toMatchObject({ fate: "exploding", ratio: 100, each: 10 });
    expect(of(0.5, 1).fate).toBe("level");
    expect(of(0, 1).fate).toBe("nothing");
    expect(of(0, 0).fate).toBe("nothing");
    expect(fateOf([layer(1, 0.5)], [layer(1)]).fate).toBe("broken");
  });

  it("finds the ends and the ticks of the axis", () => {
    expect(domain([layer(1)])).toEqual([-4, 3]);
    expect(domain([layer(3e-25), layer(0)])).toEqual([-27, 3]);
    expect(powers(-4, 3)).toEqual([-3, -2, -1, 0, 1, 2]);
    expect(powers(-27, 3)).toEqual([-25, -20, -15, -10, -5, 0]);
  });

  it("has more places with a kernel, the grid's among them", () => {
    expect(stops([5, 10, 40], true, false)).toEqual([5, 10, 40]);
    expect(stops([5, 10, 40], true, true)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const gains = stops([0.5, 1, 1.41, 4], false, true);
    for (const known of [0.5, 1, 1.41, 4]) expect(gains).toContain(known);
    expect(gains).toEqual([...gains].sort((a, b) => a - b));
    expect(gains.length).toBeGreaterThan(50);
    for (let i = 1; i < gains.length; i++) expect(gains[i] / gains[i - 1]).toBeGreaterThan(1.01);
  });
});
