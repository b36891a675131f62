import { expect, test } from "vitest";
import { formula } from "../src/formula";
import { judge } from "../src/views/rule_editor";
import shared from "./formulas.json";

const NAMES = ["grad", "x", "out"];
const AT = { grad: 2.5, x: -0.75, out: 0.3 };

test("formulas give the numbers that Python gives", () => {
  for (const [text, want] of Object.entries(shared.values)) {
    const got = formula(text, NAMES)(AT);
    if (typeof want === "number") expect([text, Math.abs(got - want) <= 1e-12 * Math.max(1, Math.abs(want))]).toEqual([text, true]);
    else expect([text, String(got).replace("Infinity", "inf").replace("NaN", "nan")]).toEqual([text, want]);
  }
});

test("what Python refuses is refused, with a reason", () => {
  for (const text of shared.refused) expect([text, () => formula(text, NAMES)]).toSatisfy(([, make]) => {
    try {
      (make as () => unknown)();
    } catch (error) {
      return (error as Error).message.length > 5;
    }
    return false;
  });
});

test("a point counts where there is a slope and no corner", () => {
  expect(judge([1, 2, 5, 1], [1, 3, NaN, 0.5], [3], 1e-5, 1e-3)).toEqual({ lights: ["right", "wrong", "none", "none"], right: 1, total: 2 });
});
