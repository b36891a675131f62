import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { hits, words, type Breaks } from "../src/parts/breaks";
import "../src/parts/quiz";
import { asked, right, type Question } from "../src/parts/quiz";
import { Model } from "../src/model";
import { unpack } from "../src/unpack";
import { mount, type Viewer } from "../src/viewer";
import shared from "./stops.json";

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
const open = (name: string, stops: unknown[] = []): Breaks => {
  const data = structuredClone(shared.find((s) => s.name === name)!.data) as unknown as { parts: string[]; extra: object };
  viewer = mount(host, { ...data, parts: ["breaks"], extra: { breaks: { stops } } });
  return viewer.parts[0] as unknown as Breaks;
};
const press = (key: string): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const $ = (css: string): HTMLElement => viewer.shell.root.querySelector<HTMLElement>(css)!;

describe("the page halts where Python does", () => {
  test.each(shared.map((s) => [s.name, s] as const))("%s", (_, { data, stops, hits: expected }) => {
    const model = new Model(unpack(structuredClone(data)));
    const found = hits(model, stops as never);
    const steps = model.data.record.steps;
    expect(found.map((h) => [steps.indexOf(model.frames[h.at - 1].step), h.text])).toEqual(expected);
  });
});

describe("the panel", () => {
  test("N and P run from stop to stop and say why", () => {
    const part = open("root", [{ kind: "op", name: "mul" }, { kind: "nonfinite" }]);
    const { time } = viewer.model;
    time.go(0);
    const places = part.hits.map((h) => h.at);
    for (const at of places) {
      press("n");
      expect(time.cursor).toBe(at);
      expect($(".status").textContent).toBe(`Stopped: ${part.hit(at)!.text}`);
    }
    press("n");
    expect(time.cursor).toBe(places[places.length - 1]);
    expect($(".status").textContent).toBe("No stop ahead");
    press("p");
    expect(time.cursor).toBe(places[places.length - 2]);
  });

  test("playing halts at a stop", () => {
    vi.useFakeTimers();
    const part = open("root", [{ kind: "op", name: "mul" }]);
    const { time } = viewer.model;
    time.go(0);
    time.play();
    vi.advanceTimersByTime(60_000);
    expect(time.playing).toBe(false);
    expect(time.cursor).toBe(part.hits[0].at);
    time.play();
    vi.advanceTimersByTime(60_000);
    expect(time.cursor).toBe(part.hits[1].at);
    vi.useRealTimers();
  });

  test("B sets a stop at the node and takes it away; the box is marked", () => {
    const part = open("root");
    viewer.select(viewer.model.nodes.find((n) => n.label === "mul")!.n);
    press("b");
    expect(part.stops).toEqual([{ kind: "node", name: "mul" }]);
    expect(viewer.shell.root.querySelectorAll(".badge.stop")).toHaveLength(1);
    press("b");
    expect(part.stops).toEqual([]);
    expect(viewer.shell.root.querySelectorAll(".badge.stop")).toHaveLength(0);
  });

  test("a stop is added by the fields and removed by its button", () => {
    const part = open("root");
    part.toggle();
    const kind = $(".stops select") as HTMLSelectElement;
    kind.value = "grad_norm";
    kind.dispatchEvent(new Event("change"));
    ($(".stops input") as HTMLInputElement).value = "5";
    $(".stops .ask").click();
    expect(part.stops).toEqual([{ kind: "grad_norm", above: 5 }]);
    $(".stops .ask").click();
    expect(part.stops).toHaveLength(1);
    expect($(".status").textContent).toMatch(/already/);
    $(".stops .one button").click();
    expect(part.stops).toEqual([]);
  });

  test("everything has a name, and its keys are listed", async () => {
    open("root", [{ kind: "op", name: "mul" }]);
    for (const control of viewer.shell.root.querySelectorAll(".stops button,.stops select,.stops input")) {
      expect(control.getAttribute("aria-label") || control.textContent!.trim(), control.outerHTML).not.toBe("");
    }
    viewer.redraw();
    press("?");
    await vi.waitFor(() => expect($(".help").textContent).toContain("run to the next stop"));
  });
});

test("stops in words", () => {
  expect(words({ kind: "grad_norm", above: 10, below: 1e-6 })).toBe("gradient norm > 10 or < 1e-06");
  expect(words({ kind: "node", name: "x".repeat(500) })).toBe(`node ${"x".repeat(39)}…`);
});

describe("the quiz", () => {
  test.each(shared.map((s) => [s.name, s] as const))("asks something that can be answered, or says why not: %s", (_, { data }) => {
    const model = new Model(unpack(structuredClone(data)));
    let questions = 0;
    for (let at = 1; at <= model.frames.length; at++) {
      const q = asked(model, at) as Question | string;
      const { kind } = model.frames[at - 1].step;
      if (typeof q === "string") {
        if (kind === "backward" || kind === "accumulate") expect(q.length).toBeGreaterThan(5);
        continue;
      }
      questions++;
      const answer = Array.isArray(q.answer) ? q.answer.join(" x ") : String(q.answer);
      expect(right(answer, q.answer), q.text).toBe(true);
      expect(right("12345.678", q.answer)).toBe(false);
      expect(q.hints.length).toBeGreaterThan(0);
    }
    expect(questions).toBeGreaterThan(0);
  });

  test("of a tensor one element is asked for, and the numbers that go into it are the last hint", () => {
    const model = new Model(unpack(structuredClone(shared.find((s) => s.name === "layers")!.data)));
    const texts = model.frames.flatMap((_, i) => {
      const q = asked(model, i + 1);
      return typeof q === "string" ? [] : [`${q.text} | ${q.hints[q.hints.length - 1]}`];
    });
    expect(texts.some((t) => /at \[\d, \d\]\? \| Multiply \[.*\] and \[.*\] element by element/.test(t)), texts.join("\n")).toBe(true);
  });

  test.each([["(2, 3)", [2, 3], true], ["2x3", [2, 3], true], ["3, 2", [2, 3], false], ["[]", [], true], ["", [], false], ["6", [2, 3], false]])("a shape: %s for %s: %s", (typed, answer, good) => {
    expect(right(typed as string, answer as number[])).toBe(good);
  });
  test.each([["1+2j", "1+2j", true], ["1 + 2j", "1+2j", true], ["1-2j", "1+2j", false], ["-6+8j", "-6+8j", true], ["j", "0+1j", true], ["nan", "nan", true], ["inf", "-inf", false]])("a complex number: %s for %s: %s", (typed, answer, good) => {
    expect(right(typed, answer)).toBe(good);
  });
});
