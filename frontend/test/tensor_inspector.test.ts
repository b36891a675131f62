import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { decode, half, Layout, Numbers, unplane, type Packed } from "../src/tensor_data";
import { fit, inkOn, zoomed } from "../src/tensor_canvas";
import type { TensorData } from "../src/tensor_look";
import { Inspector } from "../src/views/tensor_inspector";

/** As gradviz/widgets/tensors/tensor_pack.py writes: plane by plane, in base64. */
function planes(array: ArrayBufferView & { BYTES_PER_ELEMENT?: number }, size: number): string {
  const raw = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const count = raw.length / size;
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < count; i++) for (let k = 0; k < size; k++) out[k * count + i] = raw[i * size + k];
  return btoa(String.fromCharCode(...out));
}

const exact = (values: number[], shape: number[]): Packed => ({ kind: "exact", shape, block: shape.map(() => 1), type: "f4", data: planes(Float32Array.from(values), 4) });
const bf = (values: number[]): string => planes(Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (v) => v >>> 16), 2);

describe("bytes", () => {
  test("go back to their order", () => {
    expect([...new Uint8Array(unplane(Uint8Array.from([1, 2, 3, 10, 20, 30]), 2))]).toEqual([1, 10, 2, 20, 3, 30]);
  });
  test("half precision", () => {
    expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0xfc00].map(half)).toEqual([1, -2, 65504, 2 ** -24, -0, Infinity, -Infinity]);
    expect(half(0x7e00)).toBeNaN();
  });
  test("every type", () => {
    expect([...decode(planes(Float64Array.from([0.1, -2e300]), 8), "f8")]).toEqual([0.1, -2e300]);
    expect([...decode(planes(Int16Array.from([-300, 5]), 2), "i2")]).toEqual([-300, 5]);
    expect([...decode(planes(BigInt64Array.from([2n ** 60n + 1n]), 8), "i8")]).toEqual([2n ** 60n + 1n]);
    expect([...decode(bf([1.5, -0.25, NaN]), "bf")]).toEqual([1.5, -0.25, NaN]);
  });
});

describe("numbers", () => {
  test("an exact one is told in full, a rounded one as such", () => {
    const made = new Numbers(exact([1 / 3, 2], [2]), [2], "float32");
    expect([made.text(0), made.text(1), made.index(1)]).toEqual(["0.333333", "2", "[1]"]);
    const near = new Numbers({ kind: "rounded", shape: [2], block: [1], type: "bf", data: bf([1 / 3, 0]) }, [2], "float32");
    expect([near.text(0), near.text(1)]).toEqual(["≈ 0.332", "0"]);
  });
  test("whole ones and true and false", () => {
    const big = new Numbers({ kind: "exact", shape: [1], block: [1], type: "i8", data: planes(BigInt64Array.from([2n ** 60n + 1n]), 8) }, [1], "int64");
    expect(big.text(0)).toBe("1152921504606846977");
    const flag = new Numbers({ kind: "exact", shape: [2], block: [1], type: "u1", data: planes(Uint8Array.from([0, 1]), 1) }, [2], "bool");
    expect([flag.text(0), flag.text(1)]).toEqual(["False", "True"]);
  });
  test("a block has its extremes, its mean and what is not finite", () => {
    const packed: Packed = { kind: "pooled", shape: [2], block: [4], type: "bf", data: bf([1, 0]), low: bf([-5, 0]), high: bf([3, 0]), flags: planes(Uint8Array.from([0, 1 | 2 | 8]), 1) };
    const made = new Numbers(packed, [6], "float32");
    expect([made.at(0), made.at(0, "mean"), made.at(0, "min"), made.at(0, "max")]).toEqual([-5, 1, -5, 3]);
    expect(made.at(1)).toBeNaN();
    expect(made.text(0)).toBe("-5 … 3, mean 1");
    expect(made.text(1)).toBe("nan, inf");
    expect([made.index(0), made.index(1)]).toEqual(["[0:4]", "[4:6]"]);
    expect([made.cellOf(3), made.cellOf(4)]).toEqual([0, 1]);
  });
  test("a piece knows where it begins", () => {
    const piece = new Numbers(exact([1, 2, 3, 4], [2, 2]), [10, 10], "float32", [4, 6]);
    expect(piece.index(3)).toBe("[5, 7]");
    expect([piece.cellOf(57), piece.cellOf(0)]).toEqual([3, -1]);
  });
});

describe("the layout", () => {
  const numbers = new Numbers(exact(Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => i), [2, 3, 4, 5]), [2, 3, 4, 5], "float32");
  test("tiles", () => {
    const made = new Layout(numbers, [0, 2], [1, 3], [0, 0, 0, 0]);
    expect([made.rows, made.columns]).toEqual([8, 15]);
    expect(made.cell(4 + 2, 5 + 3)).toBe(60 + 20 + 2 * 5 + 3);
    expect(made.place(60 + 20 + 2 * 5 + 3)).toEqual([6, 8]);
    expect([made.label("down", 6), made.label("across", 8)]).toEqual(["1,2", "1,3"]);
    expect([made.tile("down"), made.tile("across")]).toEqual([4, 5]);
  });
  test("a slice", () => {
    const made = new Layout(numbers, [2], [3], [1, 2, 0, 0]);
    expect(made.cell(0, 0)).toBe(60 + 40);
    expect(made.place(3)).toBeNull();
    expect(made.tile("down")).toBe(0);
  });
  test("one long dimension is wrapped", () => {
    const made = new Layout(new Numbers(exact(Array(103).fill(0), [103]), [103], "float32"), [], [0], [0]);
    expect([made.rows, made.columns, made.cell(2, 2), made.cell(2, 3)]).toEqual([3, 50, 102, -1]);
    expect(made.place(52)).toEqual([1, 2]);
  });
});

test("cells are as large as fits, and zooming goes through steps", () => {
  expect(fit(4, 6, 700)).toMatchObject({ w: 96, h: 30 });
  expect(fit(100, 100, 500).w).toBeCloseTo(4.4);
  expect(fit(1, 5000, 500)).toMatchObject({ w: 2, h: 22 });
  expect(zoomed({ w: 4.4, h: 4.4, row: 0, column: 0 }, 1)).toEqual([7, 7]);
  expect(zoomed({ w: 2, h: 2, row: 0, column: 0 }, -1)).toEqual([2, 2]);
  expect([inkOn([255, 255, 255]), inkOn([29, 95, 196])]).toEqual(["#101828", "#fff"]);
});

// -- the view ---------------------------------------------------------------------------------------------------------
const HOSTILE = `"><img src=x onerror=alert(1)>\u202E' &`;
const stats = { count: 6, nan: 1, inf: 0, plus: 0, minus: 0, zero: 0, min: -1, max: 4, mean: 1.6, std: 1.9, norm: 5, at: [1, 4] as [number, number], top: 4, full: 4, black: -1, white: 4, classes: null };
const data = (): TensorData => ({
  title: "w: (2, 3)", note: "", live: false, as_image: false,
  tensors: [
    { name: HOSTILE, shape: [2, 3], dtype: "float32", facts: [["shape", "(2, 3)"], ["dtype", "float32"]], axes: [[0], [1]], image: null, faces: [
      { ...stats, source: "value", part: "", hist: { low: -1, high: 4, counts: [1, 0, 4], whole: false }, marks: [[5, "nan"]], data: exact([0, -1, 2, 3, 4, NaN], [2, 3]) },
      { ...stats, source: "gradient", part: "", nan: 0, hist: null, marks: [], data: exact([1, 1, 1, 1, 1, 0.5], [2, 3]) },
    ] },
    { name: "b", shape: [2, 2, 2], dtype: "int64", facts: [["shape", "(2, 2, 2)"]], axes: [[1], [2]], image: null, faces: [
      { ...stats, source: "value", part: "", nan: 0, hist: null, marks: [], data: exact([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2]) },
    ] },
  ],
});

let host: HTMLElement;
let view: Inspector;
beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  view?.close();
  host.remove();
  vi.restoreAllMocks();
});
const $ = (css: string): HTMLElement => view.shell.root.querySelector<HTMLElement>(css)!;
const press = (key: string, more: KeyboardEventInit = {}): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more }));
const said = (): string => $(".said").textContent!;

describe("the inspector", () => {
  test("walks from cell to cell and tells value and gradient", () => {
    view = new Inspector(host, data());
    press("ArrowRight");
    expect(said()).toBe("[0, 0]  value 0   gradient 1");
    press("ArrowRight");
    press("ArrowDown");
    expect(said()).toBe("[1, 1]  value 4   gradient 1");
    press("End");
    expect(said()).toBe("[1, 2]  value nan   gradient 0.5");
    press("Home");
    press("ArrowLeft");
    expect(host.dataset.cell).toBe("[1, 0]");
  });
  test("finds what is not finite, and the extremes", () => {
    view = new Inspector(host, data());
    press("n");
    expect(host.dataset.cell).toBe("[1, 2]");
    $("[data-go=min]").click();
    expect(host.dataset.cell).toBe("[0, 1]");
  });
  test("shows the value alone, the gradient alone, or both", () => {
    view = new Inspector(host, data());
    expect(view.shell.root.querySelectorAll("canvas").length).toBe(2);
    press("g");
    press("ArrowRight");
    expect(said()).toBe("[0, 0]  0");
    $("[data-pick=gradient]").click();
    press("ArrowRight");
    expect(said()).toBe("[0, 1]  1");
  });
  test("chooses another tensor and walks through its slices", () => {
    view = new Inspector(host, data());
    press("ArrowDown", { ctrlKey: true });
    expect(view.tensor.name).toBe("b");
    press("ArrowRight");
    expect(said()).toContain("[0, 0, 0]  0");
    press("ArrowRight", { ctrlKey: true });
    expect(said()).toContain("[1, 0, 0]  4");
    const select = $(".dims select") as HTMLSelectElement;
    select.value = "rows";
    select.dispatchEvent(new Event("change"));
    press("ArrowRight");
    press("ArrowDown", { shiftKey: true });
    expect(host.dataset.cell).toBe("[1, 1, 0]");
  });
  test("has a name for every control and shows names as text", () => {
    view = new Inspector(host, data());
    for (const control of view.shell.root.querySelectorAll("button,input,select,[tabindex],canvas")) {
      expect(control.getAttribute("aria-label") || control.textContent!.trim(), control.outerHTML).not.toBe("");
    }
    expect(view.shell.root.querySelector("img")).toBeNull();
    expect($("[role=option]").textContent).toContain("<img");
  });
  test("the text holds the numbers, and a line leads to its row", () => {
    view = new Inspector(host, data());
    press("t");
    const lines = [...view.shell.root.querySelectorAll<HTMLElement>(".twin li")];
    const row = lines.find((li) => li.textContent!.startsWith("[1, 0]"))!;
    expect(row.textContent!.replace(/ +/g, " ")).toBe("[1, 0] 3 4 nan");
    row.click();
    expect(host.dataset.cell).toBe("[1, 0]");
    expect($(".twin").hidden).toBe(true);
  });
  test("asks the kernel for what the page does not hold", () => {
    const sent: unknown[] = [];
    let hear: (piece: unknown) => void = () => undefined;
    const made = { ...data(), live: true };
    made.tensors = [made.tensors[1]];
    made.tensors[0].shape = [200, 2, 2];
    made.tensors[0].faces[0].data = { ...exact([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2]), kind: "pooled", block: [100, 1, 1], flags: planes(new Uint8Array(8), 1) };
    view = new Inspector(host, made, { send: (m) => sent.push(m), hear: (listener) => (hear = listener as typeof hear) });
    press("ArrowRight");
    press("Enter");
    expect(sent).toEqual([{ tensor: 0, face: 0, at: [50, 0, 0], dims: [1, 2] }]);
    hear({ tensor: 0, face: 0, origin: [50, 0, 0], data: exact([10, 11, 12, 13], [1, 2, 2]) });
    press("ArrowRight");
    press("ArrowRight");
    expect(said()).toContain("[50, 0, 1]  11");
    press("Escape");
    press("ArrowRight");
    expect(said()).toContain("[0:100, 0, 0]");
  });
});
