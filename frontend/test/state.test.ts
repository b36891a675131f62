import { beforeEach, describe, expect, test } from "vitest";
import { frames, stretches } from "../src/frames";
import { scalar } from "../src/number";
import { History, say } from "../src/state";
import type { Data, RecNode, Step, Value } from "../src/types";
import { unpack } from "../src/unpack";
import packed from "./neuron.json";

let data: Data;
let history: History;
const named = (label: string): RecNode => data.record.nodes.find((n) => n.label === label)!;
const num = (v: Value | null | undefined): number => v!.data![0] as number;

beforeEach(() => {
  data = unpack(structuredClone(packed));
  history = new History(data.record.nodes, frames(data));
});

const end = (): number => history.frames.length;
const at = (kind: string, label: string): number => history.frames.findIndex((f) => f.step.kind === kind && f.n === named(label).n) + 1;

test("the phases come in order and cover every frame", () => {
  const found = stretches(history.frames);
  expect(found.map((s) => s.phase)).toEqual(["forward", "backward"]);
  expect(found[0].from).toBe(0);
  expect(found[1].from).toBe(found[0].to);
  expect(found[1].to).toBe(end());
});

test("a value is there once its operation has run", () => {
  const n = named("z").n;
  const when = at("forward", "z");
  expect(history.value(n, when - 1)).toBeUndefined();
  expect(num(history.value(n, when))).toBe(-0.25);
  expect(history.value(named("w").n, 0)).not.toBeUndefined(); // leaves from the start
});

test("the gradient of a shared leaf arrives in three parts", () => {
  const n = named("w").n;
  const seen = [...new Set(Array.from({ length: end() + 1 }, (_, c) => say(history.grad(n, c))))];
  expect(seen).toEqual(["not reached", "partial 1 of 3", "partial 2 of 3", "final", "stored in .grad"]);
  expect(history.grad(n, end()).parts).toHaveLength(3);
});

test("what is not reached has no number, never a zero", () => {
  for (const node of data.record.nodes) expect(history.grad(node.n, 0).value).toBeNull();
});

test("a result's gradient is final, then passed on", () => {
  const n = named("h").n;
  const when = at("backward", "h");
  expect(say(history.grad(n, when))).toBe("final");
  expect(say(history.grad(n, when + 1))).toBe("passed on, freed");
  expect(say(history.grad(named("loss").n, end()))).toBe("passed on"); // addition kept nothing to free
});

test("a constant needs no gradient", () => expect(say(history.grad(named("x").n, end()))).toBe("needs no gradient"));

test("accumulating shows before, added and after", () => {
  const { before, added, after } = history.grad(named("b").n, end()).grad!;
  expect(num(before)).toBe(0.25);
  expect(num(before) + num(added)).toBeCloseTo(num(after), 6);
});

test("the messages into a node add up to its gradient", () => {
  const sums = new Map<number, number>();
  for (const step of data.record.steps) {
    if (step.kind !== "backward") continue;
    if (sums.has(step.n)) expect(sums.get(step.n)).toBeCloseTo(num(step.grad), 6);
    for (const m of step.messages) sums.set(m.to, (sums.get(m.to) ?? 0) + num(m.product));
  }
  expect(sums.size).toBeGreaterThan(5);
});

test("upstream times local is the product wherever a local derivative is shown", () => {
  let seen = 0;
  for (const step of data.record.steps) {
    if (step.kind !== "backward") continue;
    for (const m of step.messages) {
      if (!scalar(m.local)) continue;
      expect(num(step.grad) * num(m.local)).toBeCloseTo(num(m.product), 5);
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(5);
});

test("changed() names every node that looks different", () => {
  for (let a = 0; a <= end(); a++) {
    for (const b of [a - 1, a + 1, a + 7, 0, end()]) {
      if (b < 0 || b > end()) continue;
      const changed = history.changed(a, b);
      for (const { n } of data.record.nodes) {
        const same = history.grad(n, a) === history.grad(n, b) && history.value(n, a) === history.value(n, b);
        if (!same) expect(changed.has(n), `${n} between ${a} and ${b}`).toBe(true);
      }
    }
  }
});

describe("more steps", () => {
  const one = (v: number): Value => ({ shape: [], dtype: "float32", data: [v] });
  const leaf = { n: 0, kind: "leaf", op: "", label: "w", path: "", inputs: [], shape: [], dtype: "float32", requires_grad: true, value: one(1), rules: {} } as RecNode;
  const run = (...steps: Step[]): History => {
    const all: Data = { title: "", backward: true, scenes: [], record: { nodes: [{ ...leaf }], steps } };
    return new History(all.record.nodes, frames(all));
  };

  test.each([[0], [null]])("zero_grad of %s clears the leaf", (n) => {
    const h = run({ kind: "accumulate", n: 0, before: null, after: one(3) }, { kind: "zero_grad", n });
    expect(say(h.grad(0, 1))).toBe("stored in .grad");
    expect(say(h.grad(0, 2))).toBe("cleared");
    expect(h.changed(1, 2).has(0)).toBe(true);
  });

  test("an optimizer step changes the value, and going back restores it", () => {
    const h = run({ kind: "optimizer", n: 0, before: one(1), after: one(0.5) });
    expect(num(h.value(0, 1))).toBe(0.5);
    expect(num(h.value(0, 0))).toBe(1);
    expect(h.frames[0].phase).toBe("update");
  });

  test("an error is a frame of its own", () => {
    const h = run({ kind: "error", text: "RuntimeError: <b>no</b>", n: 0 });
    expect(h.frames[0].text).toContain("RuntimeError: <b>no</b>");
  });

  test("a message to a node that was not recorded is left out", () => {
    const h = run({ kind: "backward", n: 0, grad: one(1), frees: false, messages: [{ to: -1, slot: "a", local: null, product: one(1), sum: one(1), k: 1, of: 1 }] });
    expect(h.grad(0, 0).kind).toBe("none");
  });
});
