// The fields say what cannot be taken; the graph takes on its other shape; of many questions to the kernel the latest wins.
// edit.json and edit_kernel.json are `EditGraph(...).data()` of a neuron with an `if` and of a sum of 70 numbers.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import "../src/parts/quiz";
import "../src/parts/edit";
import { read } from "../src/field";
import { mount, type Viewer } from "../src/viewer";
import neuron from "./edit.json";
import large from "./edit_kernel.json";

let host: HTMLElement;
const frames = new Map<number, FrameRequestCallback>();
let next = 0;
let viewer: Viewer;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  frames.clear();
  vi.stubGlobal("requestAnimationFrame", (f: FrameRequestCallback) => {
    frames.set(++next, f);
    return next;
  });
  vi.stubGlobal("cancelAnimationFrame", (id: number) => frames.delete(id));
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  viewer?.close();
  host.remove();
});

const flush = (): void => {
  const now = [...frames.values()];
  frames.clear();
  for (const f of now) f(0);
};
const $ = (css: string): HTMLElement => host.shadowRoot!.querySelector<HTMLElement>(css)!;
const type = (label: string, text: string): void => {
  const input = $(`.knob[aria-label="${label}"] input`) as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event("change"));
  flush();
};
const titles = (): string[] => [...host.shadowRoot!.querySelectorAll(".graph .title")].map((t) => t.textContent!);

describe("what is typed", () => {
  const float = { kind: "float", dtype: "float32" } as const;
  const byte = { kind: "int", dtype: "uint8", limits: [0, 255] as [number, number] } as const;
  const bool = { kind: "bool", dtype: "bool" } as const;
  test.each([["0.5", 0.5], [" -1e-3 ", -0.001], ["0,25", 0.25], ["−2", -2], [".5", 0.5]])("%s is a number", (text, v) => expect(read(text, float)).toBe(v));
  test.each([["", "type a number"], ["abc", "not a number"], ["inf", "finite"], ["-Infinity", "finite"], ["nan", "finite"], ["1e39", "float32"], ["1e400", "finite"], ["1 2", "not a number"]])(
    "%s is refused", (text, why) => expect(read(text, float)).toContain(why));
  test("whole numbers and truth values keep to their type", () => {
    expect(read("255", byte)).toBe(255);
    expect(read("256", byte)).toContain("outside uint8, which goes from 0 to 255");
    expect(read("0.5", byte)).toContain("not whole");
    expect(read("True", bool)).toBe(1);
    expect(read("2", bool)).toContain("outside bool");
  });
});

describe("alone", () => {
  beforeEach(() => (viewer = mount(host, structuredClone(neuron))));

  test("starts at the end, as recorded", () => {
    expect(viewer.model.time.cursor).toBe(viewer.model.time.length);
    expect($(".where").textContent).toBe("● as recorded");
    expect($(".result").textContent).toBe("pow = 0.570148");
  });

  test("a change is computed here, and Reset takes it back", () => {
    const before = host.shadowRoot!.querySelector(".graph")!.textContent;
    type("w", "0.5");
    expect($(".where").textContent).toBe("◆ computed here");
    expect($(".result").textContent).toMatch(/^pow = 0.570148 → /);
    [...host.shadowRoot!.querySelectorAll("button")].find((b) => b.textContent === "Reset")!.click();
    expect($(".where").textContent).toBe("● as recorded");
    expect(host.shadowRoot!.querySelector(".graph")!.textContent).toBe(before);
  });

  test("takes the other branch, and comes back, around one and the same panel", () => {
    const panel = $(".edit");
    const slide = $('.knob[aria-label="x"] .slide');
    slide.focus();
    expect(titles()).toContain("pow");
    type("x", "7");
    expect(titles()).not.toContain("pow");
    expect($(".edit")).toBe(panel);
    expect($(".about").textContent).toContain("False");
    expect(host.shadowRoot!.activeElement).toBe(slide);
    type("x", "2");
    expect(titles()).toContain("pow");
    expect($(".where").textContent).toBe("● as recorded");
  });

  test("closing the first viewer closes the one that took its place", () => {
    const first = viewer;
    type("x", "7");
    first.close();
    expect(host.shadowRoot!.childElementCount).toBe(0);
  });

  test("a way that was never seen is said to be one", () => {
    viewer.close();
    const only = structuredClone(neuron);
    only.extra.edit.variants = [];
    viewer = mount(host, only);
    type("x", "7");
    expect($(".about").textContent).toContain("would go another way");
    expect($(".about").className).toContain("warn");
  });
});

describe("with the kernel", () => {
  let sent: { edit: number; values: Record<string, number[]> }[];
  let answer: (message: unknown) => void;
  beforeEach(() => {
    sent = [];
    viewer = mount(host, structuredClone(large), { send: (m) => sent.push(m as never), hear: (listener) => (answer = (m) => listener(m, [])) });
  });
  const reply = (edit: number, value: number): void => {
    const data = structuredClone(large) as Record<string, never> & typeof large;
    data.scenes = [];
    data.values = (data.values as unknown[][]).map((row) => (row[2] && (row[2] as number[])[0] === 140 ? [row[0], row[1], [value]] : row)) as never;
    answer({ edit, data });
  };

  test("asks once at a time, and the latest wins", () => {
    for (const text of ["3", "4", "5"]) type("k", text);
    expect(sent).toHaveLength(1);
    expect(sent[0].values).toEqual({ k: [3] });
    expect($(".where").textContent).toBe("… asking the kernel");
    reply(sent[0].edit, 210);
    expect(sent).toHaveLength(2);
    expect(sent[1].values).toEqual({ k: [5] });
    expect($(".result").textContent).toBe("sum = 140 → 210");
    reply(sent[1].edit, 350);
    expect(sent).toHaveLength(2);
    expect($(".where").textContent).toBe("⇄ by the kernel");
    expect($(".result").textContent).toBe("sum = 140 → 350");
  });

  test("an answer to somebody else is not taken", () => {
    type("k", "3");
    reply(99, 1);
    expect($(".result").textContent).toBe("sum = 140");
  });

  test("what the kernel refuses goes back, and says why", () => {
    type("k", "3");
    answer({ edit: sent[0].edit, failed: "no such number" });
    expect($('.knob[aria-label="k"] .wrong').textContent).toBe("In the kernel: no such number");
    expect(($('.knob[aria-label="k"] input') as HTMLInputElement).value).toBe("2");
    expect($(".where").textContent).toBe("● as recorded");
  });

  test("without one the fields are locked and it says why", () => {
    viewer.close();
    viewer = mount(host, structuredClone(large));
    expect($(".about").textContent).toMatch(/^Needs the kernel: .* has more than 64 numbers/);
    expect(($('.knob[aria-label="k"] input') as HTMLInputElement).disabled).toBe(true);
  });
});
