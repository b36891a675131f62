import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mountDiff, type Difference, type DiffData, type DiffView } from "../src/views/graph_diff";
import packed from "./neuron.json";

const HOSTILE = `"><img src=x onerror=alert(1)>\u202E`;
let view: DiffView;
let host: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  view?.close();
  host.remove();
});

const count = packed.record.nodes.length;
const differences: Difference[] = [
  { kind: "removed", a: 1, b: null, label: HOSTILE, what: [["value", "2"]] },
  { kind: "changed", a: 2, b: 1, label: "y", what: [["value", "3", "4"], ["gradient", "1", "2"]] },
  { kind: "added", a: null, b: 2, label: "tanh", what: [["value", "5"]] },
];
const open = (more: Partial<DiffData> = {}): void => {
  const side = { ...packed, holes: [{ x: 1, y: 2, w: 30, h: 20 }] };
  view = mountDiff(host, structuredClone({
    title: "old | new", summary: "2 differ", labels: ["old", "new"], sides: [side, side], differences, more: 0,
    pairs: [[0, 0], [1, null], [2, 1], [null, 2], ...Array.from({ length: count - 3 }, (_, i): [number, number] => [i + 3, i + 3])], ...more,
  }) as DiffData);
};
const press = (key: string, more: KeyboardEventInit = {}): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const $ = (css: string): HTMLElement => view.shell.root.querySelector<HTMLElement>(css)!;
const all = (css: string): Element[] => [...view.shell.root.querySelectorAll(css)];

describe("two graphs", () => {
  test("both are drawn, with the empty places of the other's boxes", () => {
    open();
    expect(all(".graph").length).toBe(2);
    expect(all(".hole").length).toBe(2);
    expect(all(".side h4").map((h) => h.textContent)).toEqual(["old", "new"]);
    expect(view.shell.root.querySelector("img")).toBeNull();
  });

  test("the keys go from difference to difference", () => {
    open();
    expect([view.at, ...view.chosen]).toEqual([1, 1, null]);
    press("ArrowRight");
    expect([view.at, ...view.chosen]).toEqual([2, 2, 1]);
    expect($(".said").textContent).toBe("Difference 2 of 3: y: value 3 → 4; gradient 1 → 2");
    press("End");
    press("ArrowRight");
    expect([view.at, ...view.chosen]).toEqual([3, null, 2]);
    press("Home");
    press("ArrowLeft");
    expect(view.at).toBe(1);
    expect(all(".list [aria-current]").length).toBe(1);
  });

  test("a box and its partner light up together", () => {
    open();
    view.choose(1, 1);
    expect(view.chosen).toEqual([2, 1]);
    expect(view.at).toBe(2);
    expect(all(".node.selected").length).toBe(2);
    view.choose(0, 3);
    expect(view.chosen).toEqual([3, 3]);
    expect(view.at).toBe(0);
    expect($(".said").textContent).toContain("the same in both");
    press("Escape");
    expect(view.chosen).toEqual([null, null]);
  });

  test("both pictures move and zoom together", () => {
    open();
    view.cameras[1].moved = true;
    view.cameras[1].zoom(2, 10, 10);
    expect([view.cameras[0].k, view.cameras[0].x]).toEqual([view.cameras[1].k, view.cameras[1].x]);
    view.cameras[0].pan(5, 7);
    expect(view.cameras[1].y).toBe(view.cameras[0].y);
  });

  test("the text twin and the help open and close", () => {
    open();
    press("t");
    expect(all(".twin li").length).toBe(3);
    press("Escape");
    expect($(".twin").hidden).toBe(true);
    press("?");
    expect($(".help").textContent).toContain("next difference");
    press("Escape");
    expect($(".help").hidden).toBe(true);
  });

  test("every control has a name", () => {
    open();
    for (const control of all("button,input,select,[tabindex]")) expect(control.getAttribute("aria-label") || control.textContent!.trim(), control.outerHTML).not.toBe("");
    expect(host.dataset.lmSuppressShortcuts).toBe("true");
  });

  test("two equal graphs say so", () => {
    open({ differences: [] });
    press("ArrowRight");
    expect($(".list").textContent).toContain("No difference");
    expect(view.chosen).toEqual([null, null]);
  });

  test("what is said of a node is what it holds", () => {
    open();
    view.choose(0, 2);
    const rows = Object.fromEntries(all(".chosen tbody tr").map((tr) => [tr.children[0].textContent, [...tr.children].slice(1).map((c) => c.textContent)]));
    const nodes = view.models.map((m, k) => m.nodes[view.chosen[k]!]);
    expect(rows.operation).toEqual(nodes.map((n) => n.op || n.kind));
  });
});
