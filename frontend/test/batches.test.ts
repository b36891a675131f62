// The parts of BatchSizes by themselves; that its runs are the engine's is in tests/widgets/test_batch_sizes.py.
import { describe, expect, it } from "vitest";
import { Rows, Run, seconds, stepsIn, total, type Setup } from "../src/batches";
import { Mersenne } from "../src/mersenne";
import type { Program } from "../src/scalar";
import { lossRange, some } from "../src/views/batch_sizes";

// (w * x + b - y) ** 2 of the inputs w, b, x, y
const LINE: Program = { inputs: 4, nodes: [["mul", [0, 2], {}], ["add", [4, 1], {}], ["sub", [5, 3], {}], ["pow", [6], { exponent: 2 }]] };
const X = [0, 1, 2, 3, 4];
const Y = [1, 3, 4, 8, 9];
const rows = new Rows(LINE, [X, Y], false);
const setup: Setup = { start: [0, 0], lr: 0.02, size: 2, seed: 1, shuffle: "every epoch" };

describe("sums", () => {
  it("adds eight strands, and halves of more than 128", () => {
    for (const n of [1, 7, 8, 9, 128, 129, 1000]) expect(total((v) => v, Float64Array.from({ length: n }, (_, i) => i))).toBe((n * (n - 1)) / 2);
  });
  it("rounds on the way where the engine does", () => {
    const x = Float64Array.from({ length: 20 }, () => Math.fround(0.1));
    expect(total(Math.fround, x)).not.toBe(total((v) => v, x));
  });
});

describe("slopes", () => {
  it("are those of the formula", () => {
    const [w, b] = [0.5, -1];
    const off = X.map((x, i) => w * x + b - Y[i]);
    const { loss, grads } = rows.slope([w, b]);
    expect(loss).toBeCloseTo(off.reduce((a, v) => a + v * v, 0) / 5, 12);
    expect(grads[0]).toBeCloseTo((2 * off.reduce((a, v, i) => a + v * X[i], 0)) / 5, 12);
    expect(grads[1]).toBeCloseTo((2 * off.reduce((a, v) => a + v, 0)) / 5, 12);
  });
  it("of all batches average to the slope of all rows", () => {
    const pairs = X.flatMap((_, i) => X.slice(i + 1).map((__, j) => Int32Array.of(i, i + 1 + j)));
    const mean = pairs.reduce((sum, pair) => sum + rows.slope([1, 1], pair).grads[0], 0) / pairs.length;
    expect(mean).toBeCloseTo(rows.slope([1, 1]).grads[0], 12);
  });
  it("of single rows have the noise of their definition", () => {
    const all = rows.slope([0.3, 1]).grads;
    const spread = X.reduce((sum, _, i) => sum + rows.slope([0.3, 1], Int32Array.of(i)).grads.reduce((part, v, j) => part + (v - all[j]) ** 2, 0), 0);
    expect(rows.noise([0.3, 1], 2)).toBe(Math.sqrt(((spread / 5 / 2) * 3) / 4));
  });
  it("have no noise when the batch is everything", () => {
    expect(rows.noise([1, 1], 5)).toBe(0);
    expect(rows.noise([1, 1], 1)).toBeGreaterThan(rows.noise([1, 1], 2));
  });
});

describe("runs", () => {
  it("use every row once an epoch, keep the last batch, and go on where they stopped", () => {
    const run = new Run(rows, setup).extend(4);
    expect(run.batches.slice(0, 3).map((batch) => batch.length)).toEqual([2, 2, 1]);
    expect(run.batches.slice(0, 3).flatMap((batch) => [...batch]).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(run.seen).toEqual([0, 2, 4, 5, 7]);
    expect(run.extend(9).path).toEqual(new Run(rows, setup).extend(9).path);
  });
  it("shuffle once, or never", () => {
    const order = (shuffle: Setup["shuffle"]): number[][] => {
      const { batches } = new Run(rows, { ...setup, shuffle, size: 5 }).extend(2);
      return batches.map((batch) => [...batch]);
    };
    expect(order("never")).toEqual([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]);
    const [first, second] = order("once");
    expect(first).toEqual(second);
    expect(order("every epoch")[1]).not.toEqual(first);
  });
});

it("shuffles as torch.randperm does under torch.manual_seed(0)", () => {
  expect([...new Mersenne(0).permutation(10)]).toEqual([4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
});

it("counts what a step costs", () => {
  const cost = { overhead: 2, per_row: 1 };
  expect(seconds(cost, 3, 5)).toBe(11);
  expect(stepsIn(cost, 11, 2, 5)).toBe(3); // 4 + 4 + 3: the last batch has one row
  expect(stepsIn(cost, 10.9, 2, 5)).toBe(2);
});

it("shows a loss that runs away up to ten times the first", () => {
  const { low, high } = lossRange([[1, 0.5, 0.01], [1, 8, 1e9, Infinity]]);
  expect(high).toBeGreaterThan(8);
  expect(high).toBeLessThan(20);
  expect(low).toBeLessThan(0.01);
  expect(lossRange([[0, 0]]).low).toBeLessThan(lossRange([[0, 0]]).high);
});

it("draws a long walk with fewer points, and always its end", () => {
  expect(some(4, 10)).toEqual([0, 1, 2, 3, 4]);
  expect(some(9, 4)).toEqual([0, 3, 6, 9]);
  expect(some(10, 4)).toEqual([0, 3, 6, 9, 10]);
  expect(some(0, 4)).toEqual([0]);
});
