import { describe, expect, test } from "vitest";
import { brief, g } from "../src/number";
import cases from "./numbers.json";

describe("numbers are written as Python writes them", () => {
  // numbers.json was written by Python: [value, format(value, ".6g"), format(value, ".4g")]
  test.each(cases as [number, string, string][])("%s", (value, six, four) => {
    expect(g(value, 6)).toBe(six);
    expect(g(value, 4)).toBe(four);
  });

  test.each([["nan"], ["inf"], ["-inf"]])("%s stays text", (text) => expect(g(text)).toBe(text));
});

describe("a tensor in short", () => {
  const v = (shape: number[], data: number[] | null, more = {}) => ({ shape, dtype: "float32", data, ...more });
  test.each([
    [v([], [2.5]), "2.5"],
    [v([2], [1, -2]), "[1, -2]"],
    [v([2, 2], [1, 2, 3, 4]), "[[1, 2], [3, 4]]"],
    [v([8, 4], null, { mean: 0.25 }), "mean 0.25"],
    [v([8, 4], null, { mean: 0.25, nan: 2 }), "8×4 ⚠ 2 nan"],
    [v([3], [0.1234567, 0.1234567, 0.1234567], { mean: 0.1234567 }), "mean 0.1235"],
  ])("%j", (value, text) => expect(brief(value)).toBe(text));

  test("an unknown value says so", () => expect(brief(null)).toBe("?"));
});
