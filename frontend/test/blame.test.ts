import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { arrow, middle, type Blame } from "../src/parts/blame";
import { mount, type Viewer } from "../src/viewer";
import type { SceneEdge } from "../src/types";
import packed from "./neuron.json";

const HOSTILE = `"><img src=x onerror=alert(1)>\u202E`;
let viewer: Viewer;
let host: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  viewer?.close();
  host.remove();
});

const edge = packed.scenes[0].edges[0];
const blame = (): Blame => ({
  cause: "inplace", title: "Written over", headline: `z keeps y ${HOSTILE}`, error: "RuntimeError: no", facts: ["Version 0 was kept"], fix: "Write out of place", wrong: "y += 1", right: "y = y + 1",
  means: { bad: "wrote over it", stop: "needs it" }, centre: edge.n_to,
  places: [{ role: "overwritten here", where: "cell.py:3", text: "y += 1", n: edge.n_to }, { role: "backward fails", where: "cell.py:4", text: "z.backward()", n: null }],
  notes: [{ from: edge.n_from, to: edge.n_to, slot: edge.slot, text: "v0 → v1" }],
});
const open = (change: (b: Blame) => void = () => undefined): void => {
  const data = structuredClone(packed) as typeof packed & { parts: string[]; extra: Record<string, unknown> };
  const said = blame();
  change(said);
  (data.scenes[0].nodes as { n: number; badge?: unknown }[]).find((s) => s.n === edge.n_to)!.badge = { kind: "bad", text: "wrote over it" };
  data.parts = ["blame"];
  data.extra = { blame: said };
  viewer = mount(host, data);
};
const $ = (css: string): HTMLElement => viewer.shell.root.querySelector<HTMLElement>(css)!;

describe("what is to blame", () => {
  test("stands where the run ended, with the node to blame chosen", () => {
    open();
    expect(viewer.model.time.cursor).toBe(viewer.model.frames.length);
    expect(viewer.model.selected).toBe(edge.n_to);
    expect($(".verdict").textContent).toContain("z keeps y");
    expect(viewer.shell.root.querySelector("img")).toBeNull();
  });

  test("a line with a node is a way to it, one without is text", () => {
    open();
    const lines = viewer.shell.root.querySelectorAll(".blame .line");
    expect([...lines].map((l) => l.tagName)).toEqual(["BUTTON", "DIV"]);
    viewer.select(null);
    (lines[0] as HTMLElement).click();
    expect(viewer.model.selected).toBe(edge.n_to);
    expect($(".said").textContent).toBe("overwritten here, cell.py:3: y += 1");
  });

  test("outlines and notes are in their places, also after folding", () => {
    open();
    const world = $(".graph > g");
    const layer = $(".blamed");
    expect(layer.querySelectorAll(".outline.bad").length).toBe(1);
    expect($(".remarks").textContent).toBe("v0 → v1");
    expect([...world.children].indexOf(layer)).toBe(2);
    layer.remove();
    viewer.redraw();
    expect($(".blamed").parentNode).toBe(world);
    expect($(".means").textContent).toBe("!wrote over it"); // only the marks that are there
  });

  test("a good run is not shown as an error", () => {
    open((b) => Object.assign(b, { cause: "fine", fix: "" }));
    expect($(".verdict").className).toContain("fine");
    expect(viewer.shell.root.querySelector(".fix")).toBeNull();
  });
});

describe("where a note sits", () => {
  test("in the middle of the last turn that is long enough", () => {
    expect(middle([[0, 0], [100, 0]])).toEqual([50, 0]);
    expect(middle([[0, 0], [100, 50], [110, 50]])).toEqual([50, 25]);
    expect(middle([[0, 0]])).toEqual([0, 0]);
  });

  test("on the arrow of its input, or on another between the two", () => {
    const e = (slot: string): SceneEdge => ({ from: 0, to: 1, slot, n_from: 3, n_to: 4, points: [] });
    const edges = [e("a"), e("b")];
    expect(arrow(edges, { from: 3, to: 4, slot: "b", text: "" })).toBe(edges[1]);
    expect(arrow(edges, { from: 3, to: 4, slot: "c", text: "" })).toBe(edges[0]);
    expect(arrow(edges, { from: 9, to: 4, slot: "a", text: "" })).toBeUndefined();
  });
});
