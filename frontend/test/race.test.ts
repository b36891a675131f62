// How a race stands, and what the page does with one: hides, chooses, asks the kernel for one start at a time.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fate, logged, lossRange, places, reached } from "../src/standings";
import { mountRace, type RaceData } from "../src/views/optimizer_race";

describe("standings", () => {
  it("places by loss; equals share, and who has no number has no place", () => {
    expect(places([3, 1, 1, NaN, 2, Infinity])).toEqual([4, 1, 1, 0, 3, 0]);
  });
  it("the first step at the target", () => {
    expect(reached([5, 3, 1, 2], 3)).toBe(1);
    expect(reached([5, NaN, 4], 3)).toBe(-1);
  });
  it("says when a walk left, and not when it came back", () => {
    const step = (k: number): number => 2 * k;
    const box: [number, number][] = [[-1, 1], [-1, 1]];
    expect(fate([[0, 0], [2, 0], [0, 0]], [1, 1, 1], box, step)).toBe("");
    expect(fate([[0, 0], [2, 0], [3, 0]], [1, 1, 1], box, step)).toBe("left the picture at step 2");
    expect(fate([[0, 0], [2, 0], [NaN, 0]], [1, 1, NaN], box, step)).toBe("not a finite number from step 4");
    expect(fate([], [1, Infinity], null, step)).toBe("not a finite number from step 2");
  });
  it("an axis that shows what happens, not what exploded", () => {
    const { low, high, shift } = lossRange([[10, 1, 0.1], [10, 1e9, Infinity]], 0.05);
    expect(shift).toBe(0);
    expect(high).toBeLessThan(20);
    expect(low).toBeLessThan(0.05);
    expect(low).toBeGreaterThan(0.01);
    const below = lossRange([[1, -3]], -4);
    expect(below.shift).toBe(-3);
    expect(logged(-3, below.shift, below.low)).toBe(below.low);
    expect(logged(NaN, 0, 1)).toBeNaN();
    expect(lossRange([[0, 0]], 0).high).toBeGreaterThan(0);
  });
});

const recipe = (lr: number) => ({ kind: "SGD", settings: [{ lr, momentum: 0 }], clip: null, schedule: {} });
const about = { parts: [["g", "g", "gradient", "slope"], ["step", "Δθ", "the step taken", "step"]] as never, keys: ["g", "step"], formulas: ["θ ← θ − ηg"], constants: [["η", "lr", -1]] as never };

function data(): RaceData {
  const walk = (lr: number) => {
    const path = [[1]];
    for (let k = 0; k < 4; k++) path.push([path[k][0] * (1 - 2 * lr)]);
    return { path, losses: path.map(([x]) => x * x), grads: path.map(([x]) => [2 * x]), terms: {} };
  };
  return {
    title: "x²", start: [1], steps: 4, every: 1, target: 0.1, clip: null, view: "2d", timeline: null, why: "", single: false,
    terrain: { names: ["x"], bounds: [[-2, 2]], range: [0, 4], minima: [], curve: "M0 0L1 1" },
    program: { inputs: 1, nodes: [["mul", [0, 0], {}]] },
    runners: [
      { name: "slow", optimizer: "SGD", recipe: recipe(0.1), why: "", calls: 5, about, walk: walk(0.1) },
      { name: "<b>mine</b>", optimizer: "Mine", recipe: null, why: "the optimiser Mine is not one the browser can run", calls: 5, about, walk: walk(0.3) },
    ],
  };
}

describe("the page", () => {
  let host: HTMLElement;
  let frames: (() => void)[] = [];
  const press = (key: string, more: KeyboardEventInit = {}): void => {
    host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...more }));
    frames.splice(0).forEach((run) => run());
  };
  const rows = (): HTMLTableRowElement[] => [...host.shadowRoot!.querySelectorAll<HTMLTableRowElement>(".board tbody tr")];
  const state = (): string[] => (host as unknown as { race: { state: string }[] }).race.map((r) => r.state);
  const path = (i: number): number[][] => (host as unknown as { race: { walk: { path: number[][] } }[] }).race[i].walk.path;

  beforeEach(() => {
    host = document.createElement("div");
    document.body.replaceChildren(host);
    frames = [];
    vi.stubGlobal("requestAnimationFrame", (f: () => void) => frames.push(f));
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
    vi.stubGlobal("cancelAnimationFrame", () => undefined);
  });

  it("shows names as text, and the ranks at a step", () => {
    mountRace(host, data());
    expect(rows()[1].textContent).toContain("<b>mine</b>");
    expect(rows()[1].querySelector("b")).toBeNull();
    press("Home");
    expect(rows().map((r) => r.cells[2].textContent)).toEqual(["1", "1"]);
    press("ArrowRight");
    expect(rows().map((r) => r.cells[2].textContent)).toEqual(["2", "1"]);
    expect(rows()[1].cells[3].textContent).toBe("0.16");
    expect(rows()[1].cells[4].textContent).toBe("2");
    press("ArrowRight");
    expect(rows()[1].cells[4].textContent).toBe("✓ 2");
  });

  it("runs what it can again and leaves the rest in grey", () => {
    mountRace(host, data());
    press("ArrowLeft", { altKey: true });
    expect(state()).toEqual(["fresh", "stale"]);
    expect(path(0)[0][0]).toBeCloseTo(0.96, 12);
    expect(path(0)[1][0]).toBeCloseTo(0.96 * 0.8, 12);
    expect(path(1)[0][0]).toBe(1);
    expect(rows()[1].textContent).toContain("needs the kernel");
    press("r");
    expect(state()).toEqual(["fresh", "fresh"]);
    expect(path(0)[0][0]).toBe(1);
  });

  it("asks the kernel for one start at a time, and then for the newest", () => {
    const sent: { id: number; start: number[]; which: number[] }[] = [];
    let answer: (message: unknown) => void = () => undefined;
    mountRace(host, data(), { send: (m) => sent.push(m as never), hear: (f) => (answer = f as never) });
    for (let i = 0; i < 3; i++) press("ArrowLeft", { altKey: true });
    expect(sent).toHaveLength(1);
    expect(sent[0].which).toEqual([1]);
    const walk = { path: [[7]], losses: [49, 1, 1, 1, 1], grads: [[1]], terms: {} };
    walk.path = Array.from({ length: 5 }, () => [7]);
    walk.grads = Array.from({ length: 5 }, () => [1]);
    answer({ id: sent[0].id, start: sent[0].start, walks: { 1: walk } });
    expect(sent).toHaveLength(2);
    expect(sent[1].start[0]).toBeCloseTo(0.88, 12);
    expect(state()).toEqual(["fresh", "waiting"]);
    answer({ id: sent[0].id, start: [0], walks: { 1: { ...walk, losses: [0, 0, 0, 0, 0] } } }); // an old answer
    expect(state()).toEqual(["fresh", "waiting"]);
    answer({ id: sent[1].id, start: sent[1].start, walks: { 1: walk } });
    expect(state()).toEqual(["fresh", "fresh"]);
    expect(path(1)[0]).toEqual([7]);
  });

  it("a kernel that fails leaves the trail grey", () => {
    mountRace(host, data(), { send: () => undefined, hear: () => undefined });
    press("ArrowLeft", { altKey: true });
    host.dispatchEvent(new CustomEvent("gradviz-failed", { detail: "ValueError" }));
    expect(state()).toEqual(["fresh", "stale"]);
  });

  it("hides a runner from ranks and takes the chosen one apart", () => {
    mountRace(host, data());
    press("Home");
    press("ArrowRight");
    press("ArrowDown");
    const named = (): string => host.shadowRoot!.querySelector(".anatomy")!.textContent!;
    expect(named()).toContain("slow: what makes step 1 → 2");
    expect(named()).toContain("1.6");
    press("ArrowDown");
    press("h");
    expect(rows().map((r) => r.cells[2].textContent)).toEqual(["1", "–"]);
    press("h");
    expect(rows().map((r) => r.cells[2].textContent)).toEqual(["2", "1"]);
  });
});
