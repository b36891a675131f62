import { expect, test } from "vitest";
import { LOOKS, rules } from "../src/parts/dtypes";
import type { SceneEdge } from "../src/types";
import { percent, zone } from "../src/views/number_line";
import { nextEvent, powerText } from "../src/views/scaler_timeline";

test("a share is never said to be 0 or all where it is not", () => {
  expect(percent(0, 1000)).toBe("0 %");
  expect(percent(1, 1e9)).toBe("0.01 %");
  expect(percent(1234, 10000)).toBe("12.3 %");
  expect(percent(10, 10)).toBe("100 %");
  expect(percent(0, 0)).toBe("0 %");
});

test("the zones of float16 begin where its numbers do", () => {
  const half = { least: -24, normal: -14, end: 16 };
  expect([-26, -25, -15, -14, 15, 16].map((p) => zone(half, p))).toEqual(["lost", "sub", "sub", "normal", "normal", "over"]);
});

test("events are walked in both directions, and end at the ends", () => {
  const what = ["step", "skipped", "step", "grown", "step"] as const;
  expect(nextEvent([...what], 0, 1)).toBe(1);
  expect(nextEvent([...what], 1, 1)).toBe(3);
  expect(nextEvent([...what], 3, 1)).toBeNull();
  expect(nextEvent([...what], 3, -1)).toBe(1);
  expect(nextEvent([...what], 1, -1)).toBeNull();
});

test("scales are said as powers of two where they are", () => {
  expect([65536, 0.5, 1, 1000, 0, Infinity].map(powerText)).toEqual(["2^16", "2^-1", "2^0", "1000", "0", "inf"]);
});

test("only arrows of other types than float32 are painted, each type its own way", () => {
  const edge = (dtype?: string): SceneEdge => ({ from: 0, to: 1, slot: "", n_from: 0, n_to: 1, points: [], ...(dtype ? { dtype } : {}) });
  const css = rules([edge("float32"), edge("float16"), edge(), edge("bfloat16"), edge("float16")]);
  expect(css).toContain(":where(.edge:nth-child(2)) path.wire,:where(.edge:nth-child(5)) path.wire{stroke:var(--s4);stroke-dasharray:7 3}");
  expect(css).toContain(":where(.edge:nth-child(4)) path.tip{fill:var(--s5)}");
  expect(css).not.toContain("nth-child(1)");
  expect(rules([edge("float32"), edge()])).toBe("");
  expect(new Set(LOOKS.map(([, , dashes]) => dashes)).size).toBe(LOOKS.length);
});
