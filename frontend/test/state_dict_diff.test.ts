import { expect, test } from "vitest";
import { difference, held, type Row, type Side } from "../src/views/state_dict_diff";

const side = (numbers: Side["numbers"], about = "(2,) float32"): Side => ({ about, size: [2, 1], whole: [2, 1], numbers });
const row = (verdict: Row["verdict"], more: Partial<Row> = {}): Row =>
  ({ name: "w", verdict, far: 1, saved: side([1, 2], "(2,) float64"), model: side([0, 5]), after: null, said: "", ...more });

test("before it is loaded the model holds its own numbers", () => {
  for (const verdict of ["equal", "differs", "cast", "shape", "missing", "unexpected"] as const) expect(held(row(verdict), false)).toEqual(side([0, 5]));
});

test("loaded, it holds what was saved, in its own dtype; refused names keep theirs", () => {
  expect(held(row("differs"), true)).toEqual(side([1, 2]));
  expect(held(row("cast", { after: side([1.5, 2]) }), true)).toEqual(side([1.5, 2]));
  expect(held(row("shape"), true)).toEqual(side([0, 5]));
  expect(held(row("missing", { saved: null }), true)).toEqual(side([0, 5]));
  expect(held(row("unexpected", { model: null }), true)).toBeNull();
});

test("the difference is entry by entry, 0 where both are the same NaN, and none between two shapes", () => {
  expect(difference(side([1, 2]), side([0, 5]))?.numbers).toEqual([1, -3]);
  expect(difference(side(["nan", 2]), side(["nan", "inf"]))?.numbers).toEqual([0, -Infinity]);
  expect(difference(side([1, 2]), { about: "", size: [1, 2], whole: [1, 2], numbers: [1, 2] })).toBeNull();
  expect(difference(side([1, 2]), { about: "3" })).toBeNull();
});
