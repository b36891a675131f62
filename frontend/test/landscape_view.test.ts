import { expect, test } from "vitest";
import { lossAxis, nearest } from "../src/views/landscape_view";

test("the nearest computed point", () => {
  expect(nearest([-1, 0, 1], 0.4)).toBe(1);
  expect(nearest([-1, 0, 1], 9)).toBe(2);
  expect(nearest([-1, 0, 1], -0.6)).toBe(0);
});

test("losses over more than a factor of ten are drawn on a logarithmic axis", () => {
  expect(lossAxis([1, 5]).log).toBe(false);
  expect(lossAxis([0.1, 5]).log).toBe(true);
  expect(lossAxis([-0.1, 5]).log).toBe(false);
  expect(lossAxis([NaN, Infinity])).toEqual({ low: 0, high: 1, log: false });
  for (const values of [[0.1, 5], [1, 1], [-3, 4, NaN]]) {
    const { low, high } = lossAxis(values);
    for (const v of values.filter(Number.isFinite)) expect(low < v && v < high).toBe(true);
  }
});
