import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TreeData } from "../src/module_look";
import { countText, percent, sizeText } from "../src/module_words";
import { Tree } from "../src/views/module_tree";

const HOSTILE = `"><img src=x onerror=alert(1)>\u202E' &`;
const block = (n: string, u: number): TreeData["rows"][number] => ({ n, c: "Block", u, s: 5, m: "train", all: 10, learn: 10, own: 0, fl: 40 });
const inner = (u: number): TreeData["rows"][number] => ({ n: "fc", c: "Linear", u, s: 4, m: "train", all: 10, learn: 10, own: 10, o: "(2, 4)", p: [["weight", "(2, 4)", 8, "float32", ""], ["bias", "(2,)", 2, "float32", "f"]] });
const data = (): TreeData => ({
  title: "Net", totals: "47 parameters", facts: { params: 47, trainable: 40, bytes: 188, grads: 0, buffers: 0, flops: 160, memory: 0 },
  ran: true, counted: true, note: "", error: "", columns: ["settings", "output", "params", "share", "flops", "mode", "learns"], depth: 1, kinds: [["float32", "cpu"]],
  rows: [
    { n: "", c: "Net", u: -1, s: 9, m: "mixed", all: 47, learn: 40, own: 0, fl: 160 },
    { n: "stem", c: "Conv2d", u: 0, s: 1, m: "eval", x: HOSTILE, all: 7, own: 7, p: [["weight", "(7,)", 7, "float32", "f"]] },
    { n: "blocks", c: "ModuleList", u: 0, s: 7, m: "train", all: 40, learn: 40, own: 0, fl: 160 },
    block("0", 2), inner(3), block("1", 2), inner(5), block("2", 2), inner(7), block("3", 2), inner(9),
    { n: "again", c: "Block", u: 0, s: 8, m: "train", all: 10, learn: 10, same: 3 },
  ],
});

let host: HTMLElement;
let view: Tree;
beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { constructor(private run: () => void) {} observe() { this.run(); } disconnect() {} });
  host = document.createElement("div");
  document.body.append(host);
  view = new Tree(host, data());
});
afterEach(() => {
  view.close();
  host.remove();
});
const $ = (css: string): HTMLElement => view.shell.root.querySelector<HTMLElement>(css)!;
const press = (...keys: string[]): void => keys.forEach((key) => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true })));
const keys = (): string[] => view.items.map((item) => item.key);

test("counts, sizes and shares as Python tells them", () => {
  expect([812, 12345, 25_600_000, 8.21e9, 3e12].map(countText)).toEqual(["812", "12.3 k", "25.6 M", "8.21 G", "3 T"]);
  expect([999, 1000, 407_080, 2.4e8].map(sizeText)).toEqual(["999 B", "1 kB", "407 kB", "240 MB"]);
  expect([1, 0.0127, 0.0008, 0.00001].map(percent)).toEqual(["100 %", "1.27 %", "0.08 %", "< 0.01 %"]);
});

describe("the tree", () => {
  test("is a tree to assistive technology", () => {
    expect($(".tree").getAttribute("role")).toBe("tree");
    const rows = [...view.shell.root.querySelectorAll("[role=treeitem]")];
    expect(rows.map((row) => row.getAttribute("aria-level"))).toEqual(["1", "2", "2", "2"]);
    expect(rows.map((row) => row.getAttribute("aria-posinset"))).toEqual(["1", "1", "2", "3"]);
    expect(rows[2].getAttribute("aria-expanded")).toBe("false");
    expect(rows[1].hasAttribute("aria-expanded")).toBe(false);
    expect(rows[1].getAttribute("aria-label")).toBe("stem Conv2d, 7 parameters, frozen, eval");
    expect($(".tree").getAttribute("aria-activedescendant")).toBe(rows[0].id);
    for (const control of view.shell.root.querySelectorAll("button,input,summary,[tabindex]")) expect(control.getAttribute("aria-label") || control.textContent!.trim() || control.closest("label")?.textContent, control.outerHTML).toBeTruthy();
  });
  test("arrows open, walk in, walk out and close", () => {
    press("ArrowDown", "ArrowDown", "ArrowRight");
    expect(keys()).toEqual(["m0", "m1", "m2", "g3", "m11"]);
    press("ArrowRight");
    expect(view.selected!.key).toBe("g3");
    press("ArrowRight");
    expect(keys().slice(3, 8)).toEqual(["g3", "m3", "m5", "m7", "m9"]);
    press("ArrowRight", "ArrowRight", "ArrowRight");
    expect(view.selected!.key).toBe("m4");
    press("ArrowLeft");
    expect(view.selected!.key).toBe("m3");
    press("ArrowLeft", "ArrowLeft");
    expect(view.selected!.key).toBe("g3");
    press("End");
    expect(view.selected!.key).toBe("m11");
    press("Home");
    expect(view.selected!.key).toBe("m0");
  });
  test("equal neighbours are one row with the sum of all", () => {
    press("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight");
    const group = view.selected!;
    expect(group.members).toEqual([3, 5, 7, 9]);
    expect([view.words.cell(group, "params"), view.words.cell(group, "flops")]).toEqual(["40", "160"]);
    expect($(".times").textContent).toBe("×4");
    expect($(".side").textContent).toContain("10 each");
    expect($(".said").textContent).toMatch(/^0 … 3 Block, 4 times, 40 parameters, trainable/);
  });
  test("everything can be opened and closed again", () => {
    press("*");
    expect(view.items.length).toBe(13);
    press("c");
    expect(keys()).toEqual(["m0", "m1", "m2", "m11"]);
  });
  test("search shows what is found and what is above it", () => {
    view.search("LINEAR");
    expect(keys()).toEqual(["m0", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"]);
    expect($(".tools small").textContent).toBe("4 of 12");
    expect(view.selected!.key).toBe("m4");
    expect($("mark").textContent).toBe("Linear");
    press("n");
    press("n");
    expect(view.selected!.key).toBe("m6");
    press("Escape");
    expect(view.selected!.key).toBe("m6");
    expect(keys()).toContain("m11");
    view.search("nothing like it");
    expect(keys()).toEqual(["m0"]);
  });
  test("sorts by parameters, and shows parameters as rows", () => {
    press("s");
    expect(keys()).toEqual(["m0", "m2", "m11", "m1"]);
    press("s", "p", "ArrowDown", "ArrowRight");
    expect(keys()).toContain("p1.0");
    press("ArrowDown");
    expect($(".said").textContent).toBe("weight, parameter (7,) float32, frozen");
  });
  test("a shared module says where it is counted and leads there", () => {
    press("End");
    expect(view.words.cell(view.selected!, "params")).toBe("(10)");
    expect($(".said").textContent).toContain("the same module as blocks.0");
    $(".side button.link").click();
    expect(view.selected!.key).toBe("m3");
  });
  test("columns are chosen", () => {
    const box = $("[data-column=mode]") as HTMLInputElement;
    const before = view.shell.root.querySelectorAll(".head span").length;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change"));
    expect(Math.abs(view.shell.root.querySelectorAll(".head span").length - before)).toBe(1);
  });
  test("what modules say of themselves is text", () => {
    press("ArrowDown");
    expect($(".side").textContent).toContain("<img");
    expect(view.shell.root.querySelector("img")).toBeNull();
  });
});

test("only the rows in sight are in the page", () => {
  view.close();
  const many = data();
  for (let i = 0; i < 3000; i++) many.rows.push({ n: `x${i}`, c: "Linear", u: 0, s: 100 + i, m: "train" });
  view = new Tree(host, many);
  expect(view.items.length).toBe(3004);
  expect(view.shell.root.querySelectorAll(".row").length).toBeLessThan(80);
  press("End");
  expect($("[aria-selected=true]").textContent).toContain("x2999");
});
