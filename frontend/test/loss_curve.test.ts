import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lower, nearest, smooth, union, unpackSeries, type LineData } from "../src/decimate";
import type { CurveData } from "../src/curve";
import { mountLossCurve } from "../src/views/loss_curve";
import type { Handle, Port } from "../src/register";

const HOSTILE = `"><img src=x onerror=alert(1)>\u202E' &`;

describe("series", () => {
  test("steps come as differences, values as float32 or as they are, and words for what is not finite", () => {
    const { steps, values } = unpackSeries({ steps: [5, 1, 10], values: [0.1, "nan", "-inf"], integer: true, single: true });
    expect([...steps]).toEqual([5, 6, 16]);
    expect([...values]).toEqual([Math.fround(0.1), NaN, -Infinity]);
    expect([...unpackSeries({ steps: [0.5, 0.75], values: [0.1, 0.2], integer: false, single: false }).values]).toEqual([0.1, 0.2]);
  });

  test("binary series are steps, then values, little end first", () => {
    const view = new DataView(new ArrayBuffer(32));
    [1, 2, 0.1, Infinity].forEach((v, i) => view.setFloat64(8 * i, v, true));
    const { steps, values } = unpackSeries(view);
    expect([[...steps], [...values]]).toEqual([[1, 2], [0.1, Infinity]]);
  });

  test("looking up steps", () => {
    const steps = Float64Array.from([0, 10, 10, 20, 40]);
    expect([-5, 0, 1, 10, 11, 40, 41].map((s) => lower(steps, s))).toEqual([0, 0, 1, 1, 3, 4, 5]);
    expect([-5, 4, 6, 10, 29, 31, 99].map((s) => nearest(steps, s))).toEqual([0, 0, 2, 2, 3, 4, 4]);
    expect(nearest(new Float64Array(0), 3)).toBe(-1);
    expect([...union([steps, Float64Array.from([5, 10, 41])])]).toEqual([0, 5, 10, 20, 40, 41]);
  });

  test("smoothing is TensorBoard's", () => {
    const values = Array.from({ length: 50 }, (_, i) => (i === 7 ? NaN : i === 9 ? Infinity : Math.sin(i)));
    let [last, n] = [0, 0];
    const want = values.map((v) => {
      if (!Number.isFinite(v)) return v;
      last = last * 0.8 + 0.2 * v;
      n++;
      return last / (1 - 0.8 ** n);
    });
    smooth(values, 0.8).forEach((v, i) => (Number.isFinite(want[i]) ? expect(v).toBeCloseTo(want[i], 12) : expect(v).toBe(want[i])));
    expect([...smooth([1, 2], 0)]).toEqual([1, 2]);
  });

  test("a mean that stands for many values moves as far as they would, all equal to it", () => {
    const every = [...Array(10).fill(1), ...Array(30).fill(3), ...Array(5).fill(2)];
    const all = smooth(every, 0.9);
    expect([...smooth([1, 3, 2], 0.9, [10, 30, 5])].map((v) => v.toFixed(10))).toEqual([all[9], all[39], all[44]].map((v) => v.toFixed(10)));
  });
});

const line = (tag: string, steps: number[], values: (number | string)[], more: Partial<LineData> = {}): LineData => ({
  run: "", tag, start: null, count: steps.length, whole: true, points: { steps, values: values as number[], integer: false, single: false }, ...more,
});
const data = (lines: LineData[], more: Partial<CurveData> = {}): CurveData => ({
  title: "Loss", x: "step", y: "loss", log: false, smoothing: 0, timeline: null, at: null, lines, marks: [], left_out: 0, ...more,
});

describe("the view", () => {
  let host: HTMLElement;
  let view: Handle | null;
  let frames: FrameRequestCallback[];
  beforeEach(() => {
    frames = [];
    vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
    vi.stubGlobal("requestAnimationFrame", (f: FrameRequestCallback) => frames.push(f));
    host = document.createElement("div");
    document.body.append(host);
  });
  afterEach(() => {
    view?.close();
    view = null;
    host.remove();
    vi.unstubAllGlobals();
  });
  const paint = (): void => frames.splice(0).forEach((f) => f(0));
  const open = (d: CurveData, port?: Port): void => {
    view = mountLossCurve(host, d, port);
    paint();
  };
  const $$ = (css: string): HTMLElement[] => [...host.shadowRoot!.querySelectorAll<HTMLElement>(css)];
  const said = (): string => $$(".said")[0].textContent!;
  const press = (key: string, more: KeyboardEventInit = {}): void => {
    host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more }));
    paint();
  };
  const two = (): CurveData => data([line("loss", [0, 1, 2, 3, 4], [5, 4, "nan", 2, 1]), line("val_loss", [0, 4], [6, 3])], { marks: [[2, "lr 0.1 → 0.01"]] });

  test("it says the newest step, and the one under the cursor", () => {
    open(two());
    expect(said()).toBe("Step 4: loss 1; val_loss 3");
    press("Home");
    expect(said()).toBe("Step 0: loss 5; val_loss 6");
    press("ArrowRight");
    expect(said()).toBe("Step 1: loss 4; val_loss 6 (step 0)");
    press("ArrowRight");
    expect(said()).toBe("Step 2: loss nan; val_loss 3 (step 4); lr 0.1 → 0.01");
    press("End");
    expect(said()).toBe("Step 4: loss 1; val_loss 3");
    press("Escape");
    expect(said()).toBe("Step 4: loss 1; val_loss 3");
  });

  test("NaN is marked and breaks the line; an event has its line and words", () => {
    open(two());
    expect($$("path.lost")).toHaveLength(1);
    expect($$("path.raw")[0].getAttribute("d")!.match(/M/g)).toHaveLength(2);
    expect($$("text.event")[0].textContent).toBe("lr 0.1 → 0.01");
  });

  test("log, smoothing, zoom and their keys", () => {
    open(two());
    press("l");
    expect($$("button").find((b) => b.textContent === "log")!.getAttribute("aria-pressed")).toBe("true");
    press("s");
    expect($$("output")[0].textContent).toBe("0.60");
    expect($$("path.smooth")).toHaveLength(2);
    expect($$("path.pale")).toHaveLength(2);
    press("Home");
    press("+");
    expect($$("button").find((b) => b.textContent === "All steps")!.hidden).toBe(false);
    press("0");
    expect($$("button").find((b) => b.textContent === "All steps")!.hidden).toBe(true);
  });

  test("a curve can be hidden, and stays so when news come", () => {
    open(two());
    $$(".legend button")[1].click();
    paint();
    expect($$("path.raw")).toHaveLength(1);
    view!.update!(two());
    paint();
    expect($$("path.raw")).toHaveLength(1);
    expect(said()).toBe("Step 4: loss 1");
  });

  test("points that came are added; known ones and those after a gap are not", () => {
    let hear: (message: unknown, buffers: DataView[]) => void = () => undefined;
    const sent: unknown[] = [];
    open(two(), { send: (m) => void sent.push(m), hear: (f) => void (hear = f) });
    const points = (...pairs: [number, number][]): DataView => {
      const bytes = new DataView(new ArrayBuffer(16 * pairs.length));
      pairs.forEach(([s, v], i) => {
        bytes.setFloat64(8 * i, s, true);
        bytes.setFloat64(8 * (pairs.length + i), v, true);
      });
      return bytes;
    };
    hear({ points: [[0, 4]] }, [points([4, 1], [5, 0.5])]);
    expect(said()).toBe("Step 5: loss 0.5; val_loss 3 (step 4)");
    hear({ points: [[0, 9]] }, [points([9, 0.1])]);
    hear({ points: [[0, 0]] }, [points([0, 5])]);
    hear({ points: [[7, 0]] }, [points([0, 5])]);
    expect(said()).toBe("Step 5: loss 0.5; val_loss 3 (step 4)");
  });

  test("a closer look at what was thinned out asks the kernel, once", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const sent: { window: [number, number] }[] = [];
    let hear: (message: unknown, buffers: DataView[]) => void = () => undefined;
    open(data([line("loss", [0, 50, 100], [3, 2, 1], { whole: false, count: 101 })]), { send: (m) => void sent.push(m as never), hear: (f) => void (hear = f) });
    press("Home");
    press("+");
    press("+");
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(1);
    const [from, to] = sent[0].window;
    hear({ window: sent[0].window, lines: [line("loss", [from, 1, 2, to], [3, 7, 8, 2], { count: 101 })] }, []);
    paint();
    expect($$("path.raw")[0].getAttribute("d")!.match(/L/g)).toHaveLength(3);
    vi.useRealTimers();
  });

  test("runs are told apart, and a branch starts with a dot", () => {
    open(data([line("loss", [0, 1], [2, 1]), line("loss", [1, 2], [1, 0.5], { run: "lr 0.01", start: 1 })]));
    expect($$(".legend button").map((b) => b.textContent)).toEqual(["loss", "lr 0.01"]);
    expect($$("circle.fork")).toHaveLength(1);
  });

  test("hostile names stay text", () => {
    open(data([line(HOSTILE, [0], [1])], { title: HOSTILE, x: HOSTILE, y: HOSTILE, marks: [[0, HOSTILE]] }));
    press("Home");
    press("t");
    expect($$("img")).toHaveLength(0);
    expect($$("h3")[0].textContent).toBe(HOSTILE);
    expect($$(".twin li")).toHaveLength(1);
  });

  test("nothing to show is said", () => {
    open(data([]));
    expect(said()).toBe("No values yet.");
    expect($$("text.empty")).toHaveLength(1);
    for (const key of ["Home", "ArrowRight", "+", "l", "s", " ", "t"]) press(key);
    expect($$(".status")[0].dataset.level).not.toBe("error");
  });
});
