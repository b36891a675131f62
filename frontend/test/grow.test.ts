// What is not made yet is not seen, and nothing moves. growing.json is `GraphGrowth(...).data()` of a loop that calls a function.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import "../src/views/growing";
import type { Handle } from "../src/register";
import packed from "./growing.json";

let host: HTMLElement;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
let view: Handle & Record<string, any>;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  host = document.createElement("div");
  document.body.append(host);
  view = globalThis.gradvizViews!.growing(host, structuredClone(packed));
});
afterEach(() => {
  view.close();
  host.remove();
});

const all = (css: string): Element[] => [...host.shadowRoot!.querySelectorAll(css)];
const press = (key: string): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const seen = (): string[] => all("g.node:not(.ghost) .title").map((t) => t.textContent!);
const places = (): string[] => all("g.node").map((g) => ["x", "y"].map((at) => g.querySelector("rect.box")!.getAttribute(at)).join());
const steps = packed.extra.growth.steps as unknown as [number, number, number, number, number, number, number[]][];

test("each step shows what its line made, and only that is new", () => {
  const still = places();
  press("Home");
  expect(seen()).toEqual([]);
  let count = 0;
  for (const step of steps) {
    press("ArrowRight");
    count += step[6].length;
    expect(seen()).toHaveLength(count);
    expect(all("g.node.current")).toHaveLength(step[6].length);
    expect(places()).toEqual(still);
    expect(all(".line.now")).toHaveLength(1);
  }
  expect(all(".edge.unborn")).toEqual([]);
});

test("an arrow is there when both its ends are", () => {
  press("Home");
  for (let i = 0; i < steps.length; i++) {
    press("ArrowRight");
    const there = new Set(all("g.node:not(.ghost)"));
    const boxes = all("g.node");
    packed.scenes[0].edges.forEach((e, k) => {
      const both = there.has(boxes[e.from]) && there.has(boxes[e.to]);
      expect(all(".edge")[k].classList.contains("unborn")).toBe(!both);
    });
  }
});

test("the lines that wait for a call to return are marked", () => {
  const inside = steps.findIndex((s) => s[2] === 2) + 1;
  press("Home");
  for (let i = 0; i < inside; i++) press("ArrowRight");
  expect(all(".line.up .text").map((t) => t.textContent!.trim())).toEqual(["x = gate(w * x)"]);
  expect(all(".line.now .text").map((t) => t.textContent!.trim())).toEqual(["return z.tanh()"]);
  expect(all(".line.now .times")[0].textContent).toBe("1 of 2");
});

test("more of a run keeps the place and the boxes", () => {
  const less = structuredClone(packed);
  less.extra.growth.steps = less.extra.growth.steps.slice(0, 3);
  view = view.update!(less) as typeof view;
  press("Home");
  press("ArrowRight");
  view = view.update!(structuredClone(packed)) as typeof view;
  expect(view.model.time.cursor).toBe(1);
  expect(view.model.time.length).toBe(steps.length);
});

test("news that come faster than they can be painted are all followed", async () => {
  const cut = (n: number): typeof packed => {
    const some = structuredClone(packed);
    some.extra.growth.steps = some.extra.growth.steps.slice(0, n);
    return some;
  };
  for (const n of [2, 3, 4, 5]) view = view.update!(cut(n)) as typeof view;
  await vi.waitFor(() => expect(view.model.time.cursor).toBe(5));
});

test("names and code are text", () => {
  view.close();
  const bad = structuredClone(packed);
  bad.extra.growth.pieces[0].lines[0][1] = "<img src=x onerror=alert(1)>" as never;
  view = globalThis.gradvizViews!.growing(host, bad);
  expect(host.shadowRoot!.querySelector("img")).toBeNull();
});
