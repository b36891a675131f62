import { expect, test } from "vitest";
import { clip, degrees, factor, norm, rounding, type Mode, type Order } from "../src/clip_math";
import { clippedWalk, descend, type Recipe, type Settings } from "../src/optimizers";
import type { Program } from "../src/scalar";

const single = rounding(true);
const f = Math.fround;

test("the three norms", () => {
  expect(norm([3, -4], 1, single)).toBe(7);
  expect(norm([3, -4], 2, single)).toBe(5);
  expect(norm([3, -4], "inf", single)).toBe(4);
  expect(norm([NaN, 1], "inf", single)).toBeNaN();
  expect(norm([], 2, single)).toBe(0);
});

test("a norm within the threshold is left as it is, bit by bit", () => {
  const v = [f(0.3), f(-0.1)];
  expect(clip(v, "norm", 1, 2, single)).toEqual(v);
  expect(factor(0.5, 1, single)).toBe(1);
});

test.each<[number[], Order]>([[[3, 4], 2], [[30, -0.5, 2], 1], [[0.2, 7], "inf"]])("%j by norm %s ends at the threshold and keeps its direction", (v, order) => {
  const held = clip(v, "norm", 0.5, order, single);
  expect(norm(held, order, single)).toBeCloseTo(0.5, 5);
  expect(norm(held, order, single)).toBeLessThanOrEqual(0.5);
  expect(degrees(v, held)).toBeLessThan(1e-3);
});

test("by value each element is held, and the direction turns", () => {
  expect(clip([3, -0.5, -9], "value", 1, 2, single)).toEqual([1, -0.5, -1]);
  expect(degrees([3, 0], clip([3, 0], "value", 1, 2, single))).toBe(0);
  expect(degrees([3, 0.1], [1, 0.1])).toBeCloseTo((Math.atan(0.1) - Math.atan(0.1 / 3)) * (180 / Math.PI), 6);
});

test("what is not finite cannot be clipped, and has no angle", () => {
  expect(clip([NaN, 1], "norm", 1, 2, single)).toEqual([NaN, NaN]);
  expect(clip([Infinity, 1], "value", 2, 2, single)).toEqual([2, 1]);
  expect(degrees([NaN, 1], [1, 1])).toBe(0);
});

const valley: Program = { inputs: 2, nodes: [["mul", [0, 0], {}], ["mul", [1, 1], {}], ["mul", [3, [20]], {}], ["add", [2, 4], {}]] };

const recipe = (kind: string, settings: Settings): Recipe => ({ kind, settings: [settings, settings], clip: null, schedule: {} });

test("a threshold that is never met walks as without one", () => {
  for (const r of [recipe("SGD", { lr: 0.02 }), recipe("SGD", { lr: 0.02, momentum: 0.5, nesterov: true, weight_decay: 0.1 }), recipe("Adam", { lr: 0.1, betas: [0.9, 0.99], eps: 1e-8 })]) {
    const plain = descend(valley, [1, -0.5], 12, r, true);
    const held = clippedWalk(valley, [1, -0.5], 12, r, true, (v) => clip(v, "norm", Infinity, 2, single));
    expect(held.path).toEqual(plain.path);
    expect(held.losses).toEqual(plain.losses);
    expect(held.used).toEqual(held.grads);
  }
});

test("by norm 2 it walks as every other view clips", () => {
  const r = recipe("SGD", { lr: 0.02, momentum: 0.5 });
  expect(clippedWalk(valley, [1, -0.5], 12, r, true, (v) => clip(v, "norm", 0.7, 2, single)).path).toEqual(descend(valley, [1, -0.5], 12, { ...r, clip: 0.7 }, true).path);
});

test.each<[Mode, Order]>([["norm", 2], ["norm", 1], ["value", 2]])("by %s (%s), a step of plain SGD is the rate times the clipped gradient", (mode, order) => {
  const { path, grads, used } = clippedWalk(valley, [1, -0.5], 5, recipe("SGD", { lr: 0.1 }), true, (v) => clip(v, mode, 0.7, order, single));
  expect(grads[0]).toEqual([2, -20]);
  for (let k = 0; k < 5; k++) {
    expect(used[k]).toEqual(clip(grads[k], mode, 0.7, order, single));
    path[k].forEach((x, i) => expect(path[k + 1][i]).toBe(f(x - f(0.1) * used[k][i])));
  }
});
