import { expect, test } from "vitest";
import { batchOf, cut, meetAgain, orders, words } from "../src/conveyor";

const recipe = { shuffle: true, count: 10, own: false, base: true, once: false };

test("an order is cut as BatchSampler cuts it", () => {
  const order = [3, 1, 4, 0, 2, 6, 5];
  expect(cut(order, 3, false, 7, "[n, 2] · [n]")).toMatchObject({ sizes: [3, 3, 1], dropped: 0, collated: ["[3, 2] · [3]", "[3, 2] · [3]", "[1, 2] · [1]"] });
  const dropping = cut(order, 3, true, 7, null);
  expect(dropping).toMatchObject({ sizes: [3, 3], dropped: 1, facts: { batches: 2, rows: 6, dropped: 1, repeated: 0, never: 0 } });
  expect(batchOf(dropping)).toEqual([0, 0, 0, 1, 1, 1, -1]);
  expect(words(dropping.facts)).toBe("6 rows in 2 batches; 1 dropped: drawn, but in no batch");
  expect(cut(order, 9, true, 7, null)).toMatchObject({ sizes: [], dropped: 7 });
});

test("rows that come twice and rows that never come are counted", () => {
  const drawn = cut([2, 2, 0, 2], 2, false, 5, null);
  expect(drawn.facts).toEqual({ batches: 2, rows: 4, dropped: 0, repeated: 1, never: 3 });
  expect(drawn.never).toEqual([1, 3, 4]);
  expect(words(drawn.facts, false)).toBe("4 rows, one by one; 1 more than once; 3 never drawn");
  expect(words(cut([1, 0], 1, false, 2, null).facts)).toBe("2 rows in 2 batches; every row once");
});

test("epochs are compared by places and by pairs", () => {
  const [one, two] = [cut([0, 1, 2, 3], 2, false, 4, null), cut([1, 0, 3, 2], 2, false, 4, null)];
  expect(meetAgain(one, one, 1)).toBe("the same order as epoch 1");
  expect(meetAgain(one, two, 1)).toBe("another order than epoch 1: 4 of 4 places hold another row; of 2 pairs that shared a batch, 2 meet again");
});

test("every epoch is a permutation, another one each time, the same for the same seed", () => {
  const made = orders(recipe, 3, 3);
  for (const order of made) expect([...order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(made[0]).not.toEqual(made[1]);
  expect(orders(recipe, 3, 3)).toEqual(made);
  expect(orders({ ...recipe, shuffle: false }, 3, 2)[1]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("the orders are those of PyTorch 2.13", () => {
  expect(orders(recipe, 0, 2)).toEqual([[6, 7, 1, 4, 2, 0, 9, 8, 3, 5], [2, 4, 7, 0, 8, 9, 5, 3, 6, 1]]); // torch.manual_seed(0); DataLoader(range(10), shuffle=True)
  expect(orders({ ...recipe, own: true }, 5, 2)).toEqual([[7, 4, 8, 1, 2, 3, 6, 5, 9, 0], [2, 1, 6, 3, 5, 9, 4, 7, 8, 0]]); // generator=torch.Generator().manual_seed(5)
});
