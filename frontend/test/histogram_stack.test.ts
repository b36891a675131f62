import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bands, bars, columns, domain, edge, ends, marks, outline, placeOf, share, sum, told, type Look, type Tensor } from "../src/distributions";
import type { Shell } from "../src/shell";
import { mountHistogramStack, type HistogramStackData } from "../src/views/histogram_stack";

const FACTS = ["n", "nan", "inf", "zero", "negative", "under", "subnormal", "over", "min", "max", "mean", "std"];
const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
let shell: Shell | null = null;
let host: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  shell?.close();
  shell = null;
  host.remove();
});

const tensor = (name: string, change: Partial<Tensor> = {}): Tensor => ({
  name, kind: "gradients", steps: [0, 10],
  linear: [[-1, -2, [1, 0, 2, 1]], [0, -1, [1, 3]]],
  positive: [[-100, [2, 0, 1]], [0, [3]]],
  negatives: [[0, [1]], [-4, [1]]],
  facts: [[5, 0, 0, 1, 1, 2, 0, 0, -1, 0.9, 0.1, 0.5], [4, 0, 0, 0, 1, 0, 0, 0, -0.5, 1.2, 0.25, 0.75]],
  exact: true, ...change,
});
const look = (change: Partial<Look> = {}): Look => ({ scale: "log", split: false, fp16: false, per_octave: 4, ...change });
const data = (change: Partial<HistogramStackData> = {}): HistogramStackData => ({
  ...look(), title: "Distributions", mode: "offset", tensor: 0, at: 10, steps: [0, 10], facts: FACTS, note: "", timeline: null,
  tensors: [tensor("fc1.weight"), tensor(HOSTILE), tensor("fc2.weight", { kind: "activations", steps: [10], linear: [[0, 0, [4]]], positive: [[0, [4]]], negatives: [[0, []]], facts: [[4, 1, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0]] })],
  ...change,
});
const open = (change: Partial<HistogramStackData> = {}): Shell => (shell = mountHistogramStack(host, data(change)));
const $ = <T extends Element>(css: string): T => shell!.root.querySelector<T>(css)!;
const all = (css: string): Element[] => [...shell!.root.querySelectorAll(css)];
const press = (key: string, more: KeyboardEventInit = {}): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));

test("magnitude bins begin at their octave and quarter", () => {
  expect([edge(-4, 4), edge(0, 4), edge(4, 4)]).toEqual([-1, 0, 1]);
  expect(edge(-3, 4)).toBeCloseTo(Math.log2(0.625), 12);
  expect(edge(-7, 1)).toBe(-7);
});

test("rows of different bins come onto one axis, and no value is lost", () => {
  const rows = columns(tensor("t"), look({ scale: "linear" }));
  expect(rows[0]).toEqual([[-1, 0, 1 / 5], [0, 1, 3 / 5]]);
  expect(rows[1]).toEqual([[-1, 0, 1 / 4], [0, 1, 3 / 4]]);
  for (const split of [false, true]) {
    const total = columns(tensor("t"), look({ split })).map((row) => row.reduce((s, [a, b, y]) => s + y * (b - a), 0));
    expect(total[0]).toBeCloseTo(4 / 5, 12);
    expect(total[1]).toBeCloseTo(1, 12);
  }
  expect(sum([2, [1, 1]], [4, [5]])).toEqual([2, [1, 1, 5]]);
  expect(sum([0, []], [4, [5]])).toEqual([4, [5]]);
});

test("an outline goes down to 0 at its ends and in its gaps", () => {
  expect(outline([[0, 1, 3], [1, 2, 5], [4, 5, 1]])).toEqual([[-0.5, 0], [0.5, 3], [1.5, 5], [2.5, 0], [3.5, 0], [4.5, 1], [5.5, 0]]);
  expect(outline([])).toEqual([]);
});

test("the axis holds all rows, and what float16 cannot hold", () => {
  expect(domain(tensor("t"), look({ scale: "linear" }))).toEqual([-2, 2]);
  expect(domain(tensor("t"), look())[0]).toBe(edge(-100, 4) - 1);
  const wide = look({ fp16: true });
  expect(domain(tensor("t"), wide)).toEqual([-27, 18]);
  expect(bands(tensor("t"), wide).map(([a, b, w]) => [w, a, Math.round(b)])).toEqual([["under", -27, -24], ["subnormal", -24, -14], ["over", Math.log2(65504), 18]]);
  expect(bands(tensor("t"), look({ fp16: true, scale: "linear" }))).toEqual([]);
  const split = look({ fp16: true, split: true });
  expect(ends(tensor("t"), split)).toEqual([-72, 18]);
  expect(bands(tensor("t"), split)).toHaveLength(6);
  const ticks = marks(tensor("t"), split, 6);
  expect(ticks.map(([x]) => x)).toEqual(ticks.map(([x]) => x).sort((a, b) => a - b));
  expect(ticks.filter(([, t]) => t.startsWith("-"))).toHaveLength(ticks.length / 2);
});

test("the bars of a row are its counts", () => {
  const linear = bars(tensor("t"), look({ scale: "linear" }), 0);
  expect(linear.map((b) => [b.low, b.high, b.count, b.sign])).toEqual([[-1, -0.5, 1, -1], [0, 0.5, 2, 1], [0.5, 1, 1, 1]]);
  const log = bars(tensor("t"), look(), 1);
  expect(log.map((b) => [b.low, b.high, b.count, b.sign])).toEqual([[1, 1.25, 3, 1], [0.5, 0.625, 1, -1]]);
});

test("numbers as they are said", () => {
  expect(share(tensor("t"), FACTS, 0, "under")).toBe("40%");
  expect(share(tensor("t", { exact: false }), FACTS, 0, "under")).toBe("≈ 40%");
  expect(Object.fromEntries(told(tensor("t"), FACTS, 0))).toMatchObject({ values: "5", min: "-1", "exactly 0": "20%", negative: "20%" });
  expect(told(data().tensors[2], FACTS, 0).at(-1)).toEqual(["⚠ not finite", "1 NaN, 0 inf"]);
  expect([placeOf([0, 10], 9), placeOf([0, 10], 10), placeOf([5], 0)]).toEqual([0, 1, 0]);
});

test("it opens with the marked iteration and its numbers; keys step and walk", () => {
  open();
  expect($(".side h4").textContent).toBe("iteration 10");
  expect($(".said").textContent).toBe("gradients/fc1.weight, iteration 10: mean 0.25, std 0.75");
  expect(all(".hill")).toHaveLength(2);
  expect($(".now").getAttribute("d")).toBe(all(".hill")[1].getAttribute("d"));
  press("ArrowLeft");
  expect($(".side h4").textContent).toBe("iteration 0");
  expect($(".now").getAttribute("d")).toBe(all(".hill")[0].getAttribute("d"));
  press("ArrowDown", { ctrlKey: true });
  press("ArrowDown", { ctrlKey: true });
  press("ArrowDown", { ctrlKey: true });
  expect(host.dataset.tensor).toBe("activations/fc2.weight");
  expect($(".side h4").textContent).toBe("iteration 10");
  expect($(".facts .bad").textContent).toBe("⚠ not finite1 NaN, 0 inf");
  expect(all("[role=option][aria-selected=true]")).toHaveLength(1);
});

test("modes, scales and signs", () => {
  open({ fp16: true });
  const button = (text: string): HTMLButtonElement => all("button").find((b) => b.textContent === text) as HTMLButtonElement;
  button("Overlay").click();
  expect(all(".thin")).toHaveLength(2);
  button("Heat").click();
  expect(all(".hill,.thin")).toHaveLength(0);
  expect(all(".pic .plus").length).toBeGreaterThan(1);
  expect(all(".pic .band")).toHaveLength(3);
  expect(all(".bandword").map((t) => t.textContent)).toEqual(["under", "0%", "subnormal", "0%", "over", "0%"]);
  button("Signs apart").click();
  expect(all(".pic .band")).toHaveLength(6);
  button("fp16").click();
  expect(all(".pic .band")).toHaveLength(0);
  button("Linear").click();
  expect(button("fp16").hidden).toBe(true);
  expect(button("Linear").getAttribute("aria-pressed")).toBe("true");
  expect($(".pic .name").textContent).toBe("value");
});

test("search narrows the list; names stay text", () => {
  open();
  const find = $<HTMLInputElement>(".find");
  find.value = "FC2";
  find.dispatchEvent(new Event("input"));
  expect(all("[role=option]")).toHaveLength(1);
  find.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  expect(host.dataset.tensor).toBe("activations/fc2.weight");
  find.value = "nothing";
  find.dispatchEvent(new Event("input"));
  expect($(".names").textContent).toBe("none of that name");
  press("t");
  expect(all(".twin li")).toHaveLength(3);
  expect(all("img,script")).toHaveLength(0);
  expect($(".twin").textContent).toContain(HOSTILE);
});

test("a tensor without a finite value says so", () => {
  open({ tensors: [tensor("t", { linear: [[0, 0, []], [0, 0, []]], positive: [[0, []], [0, []]], negatives: [[0, []], [0, []]], facts: [[2, 2, 0, 0, 0, 0, 0, 0, null, null, null, null], [2, 2, 0, 0, 0, 0, 0, 0, null, null, null, null]] })] });
  expect($(".side svg").textContent).toContain("no value to show");
  expect($(".facts").textContent).toContain("min–");
});
