import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import "../src/canvas";
import "../src/parts/quiz";
import { mount, SVG_LIMIT, type Viewer } from "../src/viewer";
import { right, type Quiz } from "../src/parts/quiz";
import packed from "./neuron.json";

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(2)</script>\u202E' & \n`;
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
  document.body.removeAttribute("data-jp-theme-light");
});

const open = (change: (data: typeof packed) => void = () => undefined): Viewer => {
  const data = { ...structuredClone(packed), parts: ["quiz"] };
  change(data);
  viewer = mount(host, data);
  return viewer;
};
const $ = (css: string): HTMLElement => viewer.shell.root.querySelector<HTMLElement>(css)!;
const press = (key: string, more: KeyboardEventInit = {}): boolean => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const said = (): string => $(".said").textContent!;

describe("the frame", () => {
  test("can be focused, has a name, and keeps its keys from JupyterLab", () => {
    open();
    expect(host.getAttribute("tabindex")).toBe("0");
    expect(host.getAttribute("aria-label")).toMatch(/One neuron/);
    expect(host.dataset.lmSuppressShortcuts).toBe("true");
    for (const control of viewer.shell.root.querySelectorAll("button,input,select,[tabindex]")) {
      const name = control.getAttribute("aria-label") || control.textContent!.trim();
      expect(name, control.outerHTML).not.toBe("");
    }
  });

  test("is marked once painted", async () => {
    open();
    await vi.waitFor(() => expect(host.hasAttribute("data-ready")).toBe(true));
    press("ArrowRight");
    await vi.waitFor(() => expect(host.getAttribute("data-step")).toBe(String(viewer.model.time.cursor)));
  });

  test("follows JupyterLab's theme", async () => {
    document.body.setAttribute("data-jp-theme-light", "false");
    open();
    expect(host.dataset.theme).toBe("dark");
    document.body.setAttribute("data-jp-theme-light", "true");
    await vi.waitFor(() => expect(host.dataset.theme).toBe("light"));
  });

  test("shows what goes wrong in its own status line", () => {
    open();
    viewer.card.paint = () => { throw new Error("<i>boom</i>"); };
    press("ArrowRight");
    expect($(".status").textContent).toContain("<i>boom</i>");
    expect($(".status").dataset.level).toBe("error");
  });
});

describe("stepping", () => {
  test("starts where the forward pass ends, and goes on, back, to both ends", () => {
    open();
    const { time } = viewer.model;
    expect(said()).toMatch(/^loss = /);
    press("ArrowRight");
    expect(said()).toMatch(/^Backward starts at loss/);
    press("ArrowLeft");
    expect(said()).toMatch(/^loss = /);
    press("End");
    expect(time.cursor).toBe(time.length);
    press("Home");
    expect(said()).toMatch(/Only the leaves/);
    press("ArrowRight", { shiftKey: true });
    expect(time.cursor).toBe(10);
  });

  test("the picture after any way is the picture of a fresh start there", () => {
    open();
    const picture = (): string => $("svg.graph").innerHTML;
    const { time } = viewer.model;
    const fresh: string[] = [];
    for (let i = 0; i <= time.length; i++) {
      time.go(i);
      (viewer as unknown as { redraw(): void }).redraw();
      fresh.push(picture());
    }
    for (const i of [0, time.length, 3, 12, 11, 13, 9, 0, 1, 2]) {
      time.go(i);
      expect(picture() === fresh[i], `at ${i}`).toBe(true);
    }
  });

  test("a message shows upstream times local", () => {
    open();
    viewer.model.time.go(viewer.model.frames.findIndex((f) => f.text.startsWith("mul_3 passes on")) + 1);
    expect([...viewer.shell.root.querySelectorAll(".message text")].map((t) => t.textContent)).toEqual(["1 × -0.5 = -0.5", "1 × -0.05 = -0.05"]);
  });

  test("adding into .grad shows before + added = after", () => {
    open();
    viewer.model.time.go(viewer.model.frames.findIndex((f) => f.text.startsWith("b.grad")) + 1);
    expect($(".message text").textContent).toBe(".grad 0.25 + -2.34 = -2.09");
    expect($(".card").textContent).toContain("b.grad = 0.25 + -2.34048 = -2.09048");
  });
});

describe("a sum", () => {
  test("lights up in the picture and is said when a further message arrives", () => {
    open();
    const { model } = viewer;
    const at = model.frames.findIndex((f) => f.step.kind === "backward" && f.step.messages.some((m) => m.k === 3));
    viewer.model.time.go(at + 1);
    expect($("[data-slot^=sum] text").textContent).toBe("-0.1 += -4.681 → -4.781 (3 of 3)");
    expect($(".said").textContent).toContain("to w: -0.1 += -4.68097 → -4.78097 (3 of 3)");
    viewer.model.time.go(0);
    expect(viewer.shell.root.querySelector("[data-slot^=sum]")).toBeNull();
  });

  test("elements left out to keep the page small are owned up to", () => {
    open((data) => Object.assign(data, { note: "Something was left out" }));
    expect($(".status").textContent).toBe("Something was left out");
  });
});

describe("the card", () => {
  test("puts names, then numbers, into the formula", () => {
    open();
    viewer.select(viewer.model.nodes.find((n) => n.label === "z")!.n);
    const text = $(".card").textContent!;
    expect(text).toContain("z = mul + b");
    expect(text).toContain("-1 + 0.75 = -0.25");
    expect(text).toContain("not reached");
  });

  test("lists each contribution with its partial sum", () => {
    open();
    press("End");
    viewer.select(viewer.model.nodes.find((n) => n.label === "w")!.n);
    const sums = [...viewer.shell.root.querySelectorAll(".sum")].map((s) => s.textContent);
    expect(sums).toEqual(["-0.05 (1 of 3)", "-0.05 += -0.05 → -0.1 (2 of 3)", "-0.1 += -4.68097 → -4.78097 (3 of 3)"]);
  });
});

describe("names are text", () => {
  test("in the graph, the card, the twin, the title, the search and the status line", () => {
    open((data) => {
      data.title = HOSTILE;
      for (const node of data.record.nodes as { label: string; path?: string; line?: unknown }[]) {
        node.label = HOSTILE + node.label;
        node.path = HOSTILE;
        node.line = { file: HOSTILE, lineno: 1, text: HOSTILE };
      }
      for (const s of data.scenes[0].nodes as { title: string; tip?: string }[]) s.title = s.tip = HOSTILE;
      (data.scenes[0] as { note?: string }).note = HOSTILE;
    });
    press("t");
    press("t");
    for (let i = 0; i <= viewer.model.time.length; i++) {
      viewer.model.time.go(i);
      viewer.select(viewer.model.nodes[i % viewer.model.nodes.length].n);
    }
    for (const bad of ["img", "script", "a[href]", "[onerror]"]) expect(viewer.shell.root.querySelector(bad)).toBeNull();
    expect($("h3").textContent).toBe(HOSTILE);
  });
});

describe("walking, searching, twin", () => {
  test("control and an arrow walk along an edge", () => {
    open();
    const before = viewer.model.focus;
    for (const key of ["ArrowUp", "ArrowLeft"]) press(key, { ctrlKey: true });
    const after = viewer.model.selected;
    expect(after).not.toBeNull();
    expect(after).not.toBe(before);
    press("Escape");
    expect(viewer.model.selected).toBeNull();
  });

  test("search finds by name and by op", () => {
    open();
    press("/");
    const field = $(".search input") as HTMLInputElement;
    field.value = "tanh";
    field.dispatchEvent(new Event("input"));
    expect(viewer.model.nodes[viewer.model.selected!].label).toBe("h");
    expect($(".search .count").textContent).toBe("1 of 1");
    field.value = "nothing like it";
    field.dispatchEvent(new Event("input"));
    expect($(".search .count").textContent).toBe("none");
  });

  test("the twin has a line for each step and marks the current one", () => {
    open();
    press("t");
    expect(viewer.shell.root.querySelectorAll(".twin li")).toHaveLength(viewer.model.time.length);
    press("ArrowRight");
    expect($(".twin [aria-current]").textContent).toBe(said());
  });

  test("C goes through the folding depths; a message inside a folded module is not drawn", () => {
    open((data) => {
      const whole = data.scenes[0];
      const members = data.record.nodes.map((n) => n.n);
      data.scenes.push({ ...whole, edges: [], nodes: [{ ...whole.nodes[0], kind: "group", n: members.at(-1)!, members } as never] });
    });
    const boxes = (): number => viewer.shell.root.querySelectorAll(".node").length;
    const all = boxes();
    press("c");
    expect(boxes()).toBe(1);
    expect($(".status").textContent).toMatch(/folded/);
    for (let i = 0; i <= viewer.model.time.length; i++) {
      viewer.model.time.go(i);
      expect([...viewer.shell.root.querySelectorAll(".message")].filter((m) => m.textContent!.includes("×"))).toHaveLength(0);
    }
    press("c");
    expect(boxes()).toBe(all);
  });

  test("C says why it cannot fold", () => {
    open();
    press("c");
    expect($(".status").textContent).toMatch(/No modules/);
  });
});

describe("quiz", () => {
  test("asks before a gradient is shown, gives hints, takes the right answer", () => {
    open();
    press("ArrowRight");
    (viewer.parts[0] as Quiz).toggle();
    const { time } = viewer.model;
    const at = time.cursor;
    press("ArrowRight");
    expect(time.cursor).toBe(at);
    expect($(".quiz").textContent).toContain("What does loss pass on to pow?");
    const [check, hint] = viewer.shell.root.querySelectorAll<HTMLElement>(".quiz button");
    hint.click();
    expect($(".quiz").textContent).toContain("What reaches loss from above is 1");
    const field = $(".quiz input") as HTMLInputElement;
    field.value = "7";
    check.click();
    expect(time.cursor).toBe(at);
    field.value = "1.0";
    check.click();
    expect(time.cursor).toBe(at + 1);
    expect($(".quiz").textContent).toContain("right");
  });

  test.each([["-4.68", -4.68097, true], ["-4.5", -4.68097, false], ["", 0, false], ["0", 0, true], ["nan", "nan", true], ["0,5", 0.5, true]])("%s for %s: %s", (typed, answer, good) => {
    expect(right(typed, answer)).toBe(good);
  });
});

test("a graph with too many boxes for SVG is drawn on a canvas", () => {
  const pen = new Proxy({}, { get: () => () => undefined, set: () => true });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(pen as never);
  vi.stubGlobal("Path2D", class {});
  open((data) => {
    const [s] = data.scenes[0].nodes;
    while (data.scenes[0].nodes.length <= SVG_LIMIT) data.scenes[0].nodes.push({ ...s, id: data.scenes[0].nodes.length });
  });
  expect($("canvas.graph")).not.toBeNull();
  press("ArrowRight");
  expect(said()).toMatch(/^Backward starts/);
});
