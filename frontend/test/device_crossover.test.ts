import { expect, test } from "vitest";
import { added, between, cost, meets, python, times, timeText, type Machine, type Work } from "../src/crossing";

const core: Machine = { name: "core", flops: 96e9, memory: 51.2e9, bus: null, launch: 0 };
const card: Machine = { name: "T4", flops: 8.1e12, memory: 300e9, bus: 16e9, launch: 3.8e-6 };
const n = [1, 2, 64, 1024];
const product: Work = { name: "a @ b", unit: "", launches: 1, can: true, n, flop: n.map((k) => 2 * k ** 3), copied: n.map((k) => 12 * k * k), touched: n.map((k) => 12 * k * k), from: [[58, 73]] };

test("a cost is launches, copies, and the slower of arithmetic and memory", () => {
  const big = cost(card, product, 3, true);
  expect(big).toMatchObject({ launch: 3.8e-6, copy: (12 * 1024 ** 2) / 16e9, work: (2 * 1024 ** 3) / 8.1e12, bound: "arithmetic" });
  expect(big.total).toBeCloseTo(big.launch + big.copy + big.work, 12);
  expect(cost(card, product, 3, false).copy).toBe(0);
  expect(cost(card, product, 0, true)).toMatchObject({ work: 12 / 300e9, bound: "memory" });
  expect(cost(core, product, 3, true)).toMatchObject({ launch: 0, copy: 0 }); // nothing crosses a bus
  expect(cost(card, { ...product, launches: 107 }, 0, false).launch).toBeCloseTo(107 * 3.8e-6, 12);
});

test("times are said in the unit that suits them", () => {
  expect([2, 0.9996, 1.234e-3, 3.8e-6, 4.0657e-4, 5e-10, 0].map(timeText)).toEqual(["2 s", "1 s", "1.23 ms", "3.8 µs", "407 µs", "0.5 ns", "0 ns"]);
  expect([1.04, 1.5, 9.96, 123.4, 15234].map(times)).toEqual(["1.0", "1.5", "10", "120", "15,000"]);
});

test("between measured points a power law, beyond them nothing", () => {
  const points = added(added(added([], 16, 4), 4, 1), 64, 64);
  expect(points).toEqual([[4, 1], [16, 4], [64, 64]]);
  expect(between(points, 8)).toBeCloseTo(2, 12);
  expect(between(points, 16)).toBe(4);
  expect(between(points, 32)).toBeCloseTo(16, 12);
  expect(between(points, 4)).toBe(1);
  expect(between(points, 2)).toBeNull();
  expect(between(points, 65)).toBeNull();
  expect(between([], 1)).toBeNull();
  expect(added(points, 16, 5)[1]).toEqual([16, 5]); // measured again
});

test("a line is faster from where it stays below", () => {
  expect(meets([1, 2, 4, 8], [1, 2, 4, 8], [3, 3, 3, 3])).toBeCloseTo(3, 12);
  expect(meets([1, 2, 4, 8], [1, 9, 1, 8], [3, 3, 3, 3])).toBeGreaterThan(4); // it was below once before
  expect(meets([1, 2], [5, 5], [1, 1])).toBe(1);
  expect(meets([1, 2], [1, 1], [5, 5])).toBeNull();
  expect(meets([1, 2], [5, 1], [1, 5])).toBeNull(); // at the end it is above
  expect(meets([], [], [])).toBeNull();
});

test("Python's own time is what the smallest measured size takes beyond the work", () => {
  expect(python([[1, 2e-6]], core, product)).toBeCloseTo(2e-6 - 12 / 51.2e9, 12);
  expect(python([[1024, 1e-6]], core, product)).toBe(0); // a machine faster than the rates
  expect(python([], core, product)).toBe(0);
});
