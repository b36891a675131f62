// The update rules against their formulas written out; that they are the engine's digit for digit is tested from Python
// (tests/widgets/test_browser_optimizers.py), which runs both.
import { describe, expect, it } from "vitest";
import { Arithmetic, descend, RULES, thin, withRate, type Recipe, type Settings } from "../src/optimizers";
import type { Program } from "../src/scalar";

const bowl: Program = { inputs: 2, nodes: [["mul", [0, 0], {}], ["mul", [1, 1], {}], ["mul", [3, [3]], {}], ["add", [2, 4], {}]] }; // x² + 3y²
const recipe = (kind: string, settings: Settings, more: Partial<Recipe> = {}): Recipe => ({ kind, settings: [settings, settings], clip: null, schedule: {}, ...more });
const gradient = ([x, y]: number[]): number[] => [2 * x, 6 * y];

describe("rules", () => {
  it("SGD", () => {
    const { path } = descend(bowl, [1, -1], 3, recipe("SGD", { lr: 0.1 }), false);
    path.forEach(([x, y], k) => {
      expect(x).toBeCloseTo(0.8 ** k, 12);
      expect(y).toBeCloseTo(-(0.4 ** k), 12);
    });
  });
  it("momentum carries the velocity over", () => {
    const { path, terms } = descend(bowl, [1, -1], 6, recipe("SGD", { lr: 0.05, momentum: 0.9, dampening: 0 }), false);
    let v = [0, 0];
    for (let k = 0; k < 6; k++) {
      const g = gradient(path[k]);
      expect(terms.carry[k]!.map((c, i) => c - 0.9 * v[i])).toEqual([0, 0]);
      v = v.map((old, i) => 0.9 * old + g[i]);
      v.forEach((now, i) => {
        expect(terms.b[k]![i]).toBeCloseTo(now, 12);
        expect(path[k + 1][i]).toBeCloseTo(path[k][i] - 0.05 * now, 12);
      });
    }
  });
  it("Adam's first step is as long as the rate, whatever the gradient", () => {
    const { path, terms } = descend(bowl, [1000, -0.001], 1, recipe("Adam", { lr: 0.1, betas: [0.9, 0.999], eps: 1e-12, weight_decay: 0 }), false);
    expect(path[1][0]).toBeCloseTo(999.9, 9);
    expect(path[1][1]).toBeCloseTo(0.099, 6);
    expect(terms.mhat[0]).toEqual([expect.closeTo(2000, 8), expect.closeTo(-0.006, 12)]);
  });
  it("every rule goes downhill", () => {
    const all: Settings = { lr: 0.05, betas: [0.9, 0.999], eps: 1e-6, alpha: 0.9, rho: 0.9, etas: [0.5, 1.2], step_sizes: [1e-6, 50], momentum_decay: 0.004, lambd: 1e-4, t0: 1e6, initial_accumulator_value: 0, lr_decay: 0 };
    for (const kind of Object.keys(RULES)) {
      const settings = kind === "ASGD" ? { ...all, alpha: 0.75 } : kind === "Adadelta" ? { ...all, lr: 5 } : all;
      const { losses } = descend(bowl, [1, -1], 60, recipe(kind, settings), true);
      expect(losses[60], kind).toBeLessThan(losses[0]);
    }
  });
});

it("clipping holds the joint norm and keeps the direction", () => {
  const { terms } = descend(bowl, [3, -4], 1, recipe("SGD", { lr: 0.1 }, { clip: 1 }), false);
  const [g, c] = [terms.g[0]!, terms.c[0]!];
  expect(Math.hypot(...c)).toBeCloseTo(1, 5);
  expect(c[0] / c[1]).toBeCloseTo(g[0] / g[1], 12);
  const small = descend(bowl, [0.01, 0.01], 1, recipe("SGD", { lr: 0.1 }, { clip: 1 }), false).terms;
  expect(small.c).toEqual(small.g);
});

it("weight decay passes through the gradient, or is taken off directly", () => {
  const coupled = descend(bowl, [1, 1], 1, recipe("SGD", { lr: 0.1, weight_decay: 0.5 }), false);
  expect(coupled.path[1][0]).toBeCloseTo(1 - 0.1 * (2 + 0.5), 12);
  expect(coupled.terms.decay[0]).toEqual([0.5, 0.5]);
  const settings = { lr: 0.1, weight_decay: 0.5, decoupled_weight_decay: true, betas: [0.9, 0.999], eps: 1e-12 };
  const direct = descend(bowl, [1, 1], 1, recipe("Adam", settings), false);
  expect(direct.terms.shrink[0]![0]).toBeCloseTo(-0.05, 12);
  expect(direct.path[1][0]).toBeCloseTo(1 - 0.05 - 0.1, 9);
});

it("options follow the schedule, each parameter its own", () => {
  const two: Recipe = { kind: "SGD", settings: [{ lr: 0.1 }, { lr: 0.2 }], clip: null, schedule: { lr: [[0.1, 0.2], [0.05, 0]] } };
  const { path } = descend(bowl, [1, 1], 3, two, false);
  expect(path[1]).toEqual([expect.closeTo(0.8, 12), expect.closeTo(-0.2, 12)]);
  expect(path[2][1]).toBe(path[1][1]);
  expect(path[3][0]).toBeCloseTo(path[2][0] * 0.9, 12); // after the last recorded step its options stay
});

it("single precision rounds once where a product is added", () => {
  const F = new Arithmetic(true);
  const [x, y, s] = [Math.fround(0.1), Math.fround(1.7), Math.fround(-0.3)];
  expect(F.add(x, y, -0.3)).toBe(Math.fround(x + y * s));
  expect(new Arithmetic(false).add(0.1, 1.7, -0.3)).toBe(0.1 + 1.7 * -0.3);
  expect(F.lerp(2, 4, 1)).toBe(4);
});

it("thinning keeps every n-th step and the last", () => {
  const walk = descend(bowl, [1, 1], 10, recipe("SGD", { lr: 0.1 }), false);
  const some = thin(walk, 4);
  expect(some.losses).toEqual([0, 4, 8, 10].map((k) => walk.losses[k]));
  expect(some.terms.g[1]).toEqual(walk.terms.g[4]);
  expect(thin(walk, 1)).toBe(walk);
  expect(withRate(recipe("SGD", { lr: 0.1, momentum: 0.5 }), 0.7).settings[0]).toEqual({ lr: 0.7, momentum: 0.5 });
});
