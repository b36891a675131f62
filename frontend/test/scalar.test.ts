// Each operation's gradient rule against a nudge, and the walk of each setting against the formula written out.
import { describe, expect, it } from "vitest";
import { descend, type Settings, type Walk } from "../src/optimizers";
import { evaluate, OPS, type Line, type Program } from "../src/scalar";
import { notch, ticks } from "../src/plot";

const BINARY = new Set(["add", "sub", "rsub", "mul", "div", "maximum", "minimum", "pow_tensor", "rpow"]);
const constantSecond = new Set(["rpow"]); // its second operand is a number, never a tensor

function one(op: string): Program {
  const operands = BINARY.has(op) ? (constantSecond.has(op) ? [0, [1.7] as [number]] : [0, 1]) : [0];
  return { inputs: 2, nodes: [[op, operands, op === "pow" ? { exponent: 3 } : {}] as Line] };
}

describe("rules", () => {
  for (const op of Object.keys(OPS)) {
    it(op, () => {
      for (const at of [[0.7, 1.3], [1.9, 0.4]]) {
        const { grads } = evaluate(one(op), at, false);
        at.forEach((v, i) => {
          const h = 1e-6;
          const moved = (by: number): number => evaluate(one(op), at.map((x, k) => (k === i ? v + by : x)), false).loss;
          expect(grads[i]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 5);
        });
      }
    });
  }
  it("the other sides of the bends", () => {
    expect(evaluate(one("relu"), [-1, 0], false)).toEqual({ loss: 0, grads: [0, 0] });
    expect(evaluate(one("abs"), [-2, 0], false)).toEqual({ loss: 2, grads: [-1, 0] });
    expect(evaluate(one("maximum"), [1, 1], false).grads).toEqual([0.5, 0.5]);
    expect(evaluate({ inputs: 1, nodes: [["pow", [0], { exponent: 0 }]] }, [0], false).grads).toEqual([0]);
  });
});

it("a value used twice gets the sum of its messages", () => {
  const square: Program = { inputs: 1, nodes: [["mul", [0, 0], {}]] };
  expect(evaluate(square, [3], true)).toEqual({ loss: 9, grads: [6] });
});

it("an input that is not used has slope 0", () => {
  expect(evaluate({ inputs: 2, nodes: [["mul", [0, [2]], {}]] }, [3, 5], true).grads).toEqual([2, 0]);
});

it("single precision is rounded after every operation", () => {
  const third: Program = { inputs: 1, nodes: [["div", [0, [3]], {}]] };
  expect(evaluate(third, [1], true).loss).toBe(Math.fround(1 / 3));
  expect(evaluate(third, [1], false).loss).toBe(1 / 3);
});

const bowl: Program = { inputs: 1, nodes: [["sub", [0, [2]], {}], ["pow", [1], { exponent: 2 }]] };

const sgd = (lr: number, steps: number, more: Settings = {}, single = false): Walk =>
  descend(bowl, [0], steps, { kind: "SGD", settings: [{ lr, dampening: 0, ...more }], clip: null, schedule: {} }, single);

describe("a walk", () => {
  it("multiplies the error by 1 - 2 rate", () => {
    const { path } = sgd(0.1, 5);
    path.forEach(([theta], k) => expect(theta - 2).toBeCloseTo(-2 * 0.8 ** k, 12));
  });
  it("keeps a velocity", () => {
    let theta = 0;
    let v = 0;
    const { path } = sgd(0.01, 40, { momentum: 0.9 });
    for (const [shown] of path) {
      expect(shown).toBeCloseTo(theta, 12);
      v = 0.9 * v + 2 * (theta - 2);
      theta -= 0.01 * v;
    }
  });
  it("climbs when asked to", () => expect(sgd(0.1, 1, { maximize: true }).path[1][0]).toBeCloseTo(-0.4, 12));
  it("runs away without an error", () => expect(sgd(3, 300, {}, true).losses.at(-1)).toBeNaN());
});

it("ticks and notches are round", () => {
  expect(ticks(-2, 6)).toEqual([-2, 0, 2, 4, 6]);
  expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect([notch(1.2), notch(0.6), notch(0.8)]).toEqual([0.005, 0.002, 0.002]);
});
