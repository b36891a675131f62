import { expect, test } from "vitest";
import { shares, worst } from "../src/views/confusion_matrix";

const COUNTS = [3, 1, 0, 0, 2, 2, 0, 0, 0]; // 3 classes; the last never occurs

test("counts stay, shares add up to one along what they are shares of", () => {
  expect(shares(COUNTS, 3, "")).toEqual(COUNTS);
  expect(shares(COUNTS, 3, "true")).toEqual([0.75, 0.25, 0, 0, 0.5, 0.5, 0, 0, 0]);
  expect(shares(COUNTS, 3, "pred")).toEqual([1, 1 / 3, 0, 0, 2 / 3, 1, 0, 0, 0]);
  expect(shares(COUNTS, 3, "all").reduce((a, b) => a + b)).toBeCloseTo(1);
});

test("the commonest confusion, the first of several, or none", () => {
  expect(worst(COUNTS, 3)).toEqual([1, 2]);
  expect(worst([1, 0, 0, 1], 2)).toBeNull();
});
