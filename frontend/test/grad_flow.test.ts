import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Shell } from "../src/shell";
import { axisOf, nearest, share, type GradFlowData } from "../src/flow";
import { real } from "../src/real";
import { mountGradFlow } from "../src/views/grad_flow";

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

const data = (change: Partial<GradFlowData> = {}): GradFlowData => ({
  title: "Flow", by: "layer", iterations: [0, 2, 4], at: 2, single: false,
  layers: [
    { name: "fc1", params: "weight 2×2", count: 4, act: "act1" },
    { name: HOSTILE, params: "bias 2", count: 2, act: null },
    { name: "out", params: "weight 2×2", count: 4, act: null },
  ],
  measures: {
    grad: [[1e-9, 0.1, 1], [0.25, null, 2], ["nan", 0.5, "inf"]],
    weight: [[1, 2, 3], [1, 2, 3], [1, 2, 3]],
    ratio: [[0.001, 0.002, null], [0.001, 0.002, 0.003], ["nan", 0.002, 0.003]],
    dead: [[0, null, null], [0.95, null, null], [1, null, null]],
  },
  bad: [[2, 0, 3, 1, 0, 0]],
  marks: ["400", "800", "900"],
  said: [[[2, "fc1: gradient norm 1e-09 is 1e-09 of the last layer's: vanishing"]], [[3, "act1 after fc1: 95% of 2 units are 0 for every sample: dead"]], [[0, "fc1: 4 of 4 gradients are not finite (3 NaN and 1 infinite)"]]],
  thresholds: { vanishing: 1e-7, ratio: 1e-6, exploding: 1000, dead: 0.9 }, band: [1e-4, 1e-2], note: "", timeline: null, ...change,
});
const open = (change: Partial<GradFlowData> = {}): Shell => (shell = mountGradFlow(host, data(change)));
const $ = <T extends Element>(css: string): T => shell!.root.querySelector<T>(css)!;
const all = (css: string): Element[] => [...shell!.root.querySelectorAll(css)];
const press = (key: string, more: KeyboardEventInit = {}): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));

test("the axes hold everything measured, and the limits", () => {
  const axis = axisOf(data(), "grad");
  expect([axis.low, axis.high]).toEqual([1e-10, 1e4]);
  expect(axisOf(data(), "grad", true).high).toBe(10);
  const healthy = data({ measures: { grad: [[0.1, 0.2, 0.3]] } });
  expect(axisOf(healthy, "grad").low).toBe(0.01);
  expect(axisOf(data(), "dead")).toMatchObject({ low: 0, high: 1 });
  expect(axisOf(data({ measures: { ratio: [[null, "nan", 0]] } }), "ratio").low).toBeLessThanOrEqual(1e-4);
});

test("places on an axis", () => {
  const axis = { low: 1e-4, high: 1, log: true };
  expect(share(axis, 0.01)).toBeCloseTo(0.5);
  expect([share(axis, 0), share(axis, 50), share(axis, Infinity), share(axis, NaN)]).toEqual([0, 1, 1, 0]);
  expect(real(null)).toBeNaN();
  expect([real("inf"), real("-inf"), real(2)]).toEqual([Infinity, -Infinity, 2]);
  expect([nearest([0, 4, 8], 5), nearest([0, 4, 8], 99), nearest([0, 4, 8], -1)]).toEqual([1, 2, 0]);
});

test("it opens where it was told to, and says what is wrong", () => {
  open();
  expect($(".said").textContent).toBe("Iteration 2: ○ act1 after fc1: 95% of 2 units are 0 for every sample: dead");
  expect($(".wrong").textContent).toContain("○ act1 after fc1");
  const numbers = all(".rows .num").map((t) => t.textContent);
  expect(numbers).toEqual(["0.25", "–", "2", "0.001", "0.002", "0.003", "○ 95%", "–", "–"]);
  expect($(".count").textContent).toBe("2 / 4");
});

test("stepping changes numbers, marks and sentences", () => {
  open();
  press("ArrowLeft");
  expect($(".wrong li").textContent).toBe("▼ fc1: gradient norm 1e-09 is 1e-09 of the last layer's: vanishing");
  expect(all(".rows .num")[0].textContent).toBe("▼ 1e-09");
  expect(all(".rows .num")[0].classList.contains("warned")).toBe(true);
  expect(all(".rows .num")[2].classList.contains("warned")).toBe(false);
  press("End");
  expect(all(".rows .num")[0].textContent).toBe("✕ nan");
  expect(all(".rows .num")[2].textContent).toBe("inf");
  expect($(".wrong li").textContent).toMatch(/^✕ fc1: 4 of 4/);
  press("Home");
  expect($<HTMLInputElement>("input[type=range]").getAttribute("aria-valuetext")).toBe("iteration 0 of 4");
});

test("a layer opens into all its numbers", () => {
  open();
  press("Enter");
  expect(host.dataset.layer).toBe("fc1");
  expect($(".detail").textContent).toBe("fc1 · weight 2×2 · 4 parameters · followed by act1gradient norm 0.25weight norm 1update / weight 0.001dead units 95%");
  press("ArrowDown", { ctrlKey: true });
  expect($(".detail").textContent).toContain("no gradient");
  expect($(".said").textContent).toContain(HOSTILE);
  press("ArrowUp", { ctrlKey: true });
  press("End");
  expect($(".detail").textContent).toContain("gradients not finite 3 NaN, 1 inf");
  press("Escape");
  expect($<HTMLElement>(".detail").hidden).toBe(true);
});

test("names stay text", () => {
  open();
  press("t");
  expect(all("img,script")).toHaveLength(0);
  expect($(".twin").textContent).toContain(HOSTILE);
  expect(all(".twin li")).toHaveLength(3);
  press("?");
  expect($<HTMLElement>(".twin").hidden).toBe(true);
  expect($(".help").textContent).toContain("the layer above, below");
});

test("search finds a layer, and says when there is none", () => {
  open({ note: "a note" });
  const find = $<HTMLInputElement>(".find");
  find.value = "OUT";
  find.dispatchEvent(new Event("input"));
  expect(host.dataset.layer).toBe("out");
  find.value = "zzz";
  find.dispatchEvent(new Event("input"));
  expect($(".status").textContent).toBe("No layer is called “zzz”.");
  find.value = "fc";
  find.dispatchEvent(new Event("input"));
  expect($(".status").textContent).toBe("a note");
});

test("the lines show another measure", () => {
  open();
  expect(all(".lines")).toHaveLength(3);
  const before = $(".lines").getAttribute("d");
  $<HTMLButtonElement>("[data-measure=dead]").click();
  expect($(".lines").getAttribute("d")).not.toBe(before);
  expect($("[data-measure=dead]").getAttribute("aria-pressed")).toBe("true");
});

test("a single iteration has no timeline", () => {
  open({ iterations: [0], at: 0, single: true, measures: { grad: [[1, 2, 3]], weight: [[1, 1, 1]] }, marks: ["000"], said: [[]], bad: [] });
  expect($(".transport")).toBeNull();
  expect($(".said").textContent).toBe("no warnings");
  expect($(".wrong .fine").textContent).toContain("✓");
  expect(all(".lines")).toHaveLength(0);
});

test("views with the same timeline move together", () => {
  open({ timeline: "shared" });
  const second = document.createElement("div");
  document.body.append(second);
  const other = mountGradFlow(second, data({ timeline: "shared", iterations: [0, 3, 4] }));
  press("ArrowLeft");
  expect(other.root.querySelector(".count")!.textContent).toBe("0 / 4");
  second.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  expect($(".count").textContent).toBe("4 / 4");
  other.close();
  second.remove();
});
