import { expect, test } from "vitest";
import { aligned, lost } from "../src/views/difference_curve";

test("lost digits are those that both values share at their front", () => {
  expect(lost(1.001, 1)).toBeCloseTo(3, 2);
  expect(lost(1, 1)).toBe(Infinity);
  expect(lost(2, -2)).toBe(0); // nothing cancels
});

test("two numbers are written with the same decimals, and the shared characters are counted", () => {
  expect(aligned(1.25, 1.5, 3)).toEqual(["1.25", "1.50", 2]);
  const [p, q, same] = aligned(0.8414709902, 0.8414709848, 17);
  expect(p.length).toBe(q.length);
  expect(p.slice(0, same)).toBe("0.8414709");
  expect(Number(p)).toBe(0.8414709902); // 17 digits give the number back
});

test("what is not finite, very large or zero is still written", () => {
  expect(aligned(NaN, 1, 17)).toEqual(["nan", "1", 0]);
  expect(aligned(1e300, 2e300, 9)[0]).toContain("e+300");
  expect(aligned(0, 0, 9)[2]).toBe(3);
});
