import { expect, test } from "vitest";
import { change, reach } from "../src/views/schedule_view";

test("a rate's axis starts at zero unless the rates are close together", () => {
  expect(reach([0, 0.1], false)[0]).toBe(0);
  expect(reach([0.09, 0.1], false)[0]).toBeGreaterThan(0.08);
  expect(reach([-1, 1], false)[0]).toBeLessThan(-1);
  expect(reach([0.001, 0.1], true)[0]).toBeGreaterThan(0);
  expect(reach([NaN, Infinity], false)).toEqual([0, 1]);
  expect(reach([0, -1], true)).toEqual([0.1, 1]);
  const [low, high] = reach([0.5, 0.5], false);
  expect(low).toBeLessThan(0.5);
  expect(high).toBeGreaterThan(0.5);
});

test("what a rate did against the step before", () => {
  expect(change(0.1, 0.01)).toBe("×0.1");
  expect(change(0.1, 0.1)).toBe("");
  expect(change(undefined, 0.1)).toBe("");
  expect(change(0, 0.25)).toBe("+0.25");
  expect(change(0.25, 0)).toBe("−0.25");
  expect(change(0.1, NaN)).toBe("");
});
