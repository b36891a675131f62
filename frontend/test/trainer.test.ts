import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clock, mountTrainerPanel, rough } from "../src/views/trainer_panel";
import type { Handle } from "../src/register";

test("times and rates as people read them", () => {
  expect([0, 9.6, 75, 3599, 4000].map(clock)).toEqual(["0:00", "0:10", "1:15", "59:59", "1:06:40"]);
  expect([0.4821, 31.44, 1250, 20312].map(rough)).toEqual(["0.482", "31.4", "1,250", "20,300"]);
});

const STATUS = {
  state: "running", iteration: 40, total: 100, epoch: 1, epochs: 2, settings: { lr: 0.1, momentum: 0.9, clip: null }, last: { loss: 0.5 },
  note: "", error: "", trouble: "", rates: [100, 6400], seconds: 90, eta: 75, memory: 300 * 2 ** 20,
};
const DATA = {
  title: "Training",
  can: { start: true, fork: true, optimizer: "SGD", groups: 1 },
  status: STATUS,
  curve: { title: "Training", x: "step", y: "loss", log: false, smoothing: 0, timeline: null, at: null, marks: [], left_out: 0,
    lines: [{ run: "", tag: "loss", start: null, count: 3, whole: true, points: { steps: [0, 1, 1], values: [3, 2, 1], integer: true, single: false } }] },
};

describe("the panel", () => {
  let host: HTMLElement;
  let view: Handle;
  let sent: unknown[];
  let hear: (message: unknown, buffers: DataView[]) => void;
  beforeEach(() => {
    vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
    vi.stubGlobal("requestAnimationFrame", (f: FrameRequestCallback) => (f(0), 0));
    host = document.createElement("div");
    document.body.append(host);
    sent = [];
    view = mountTrainerPanel(host, structuredClone(DATA) as never, { send: (m) => void sent.push(m), hear: (f) => void (hear = f) });
  });
  afterEach(() => {
    view.close();
    host.remove();
    vi.unstubAllGlobals();
  });
  const $ = <T extends HTMLElement = HTMLElement>(css: string): T => host.shadowRoot!.querySelector<T>(css)!;
  const tell = (more: object): void => hear({ status: { ...STATUS, ...more } }, []);
  const press = (key: string): void => void host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true }));

  test("it shows how far and how fast", () => {
    expect($(".counts").textContent).toBe("40 / 100 · epoch 1 of 2");
    expect($(".facts").textContent).toBe("steps/s 100samples/s 6,400time left 1:15trained for 1:30memory 300 MiB");
    expect($(".bar").getAttribute("aria-valuenow")).toBe("40");
    expect($(".state").textContent).toBe("▶ running");
    tell({ total: null, rates: null, eta: null });
    expect($(".counts").textContent).toBe("40 steps · epoch 1 of 2");
    expect($(".bar").hasAttribute("aria-valuenow")).toBe(false);
  });

  test("a click is a word to the kernel; the state is what the kernel says", () => {
    $("[data-do=pause]").click();
    expect(sent).toEqual([{ do: "pause" }]);
    expect($(".state").textContent).toBe("pausing…");
    expect(host.dataset.state).toBe("running");
    tell({ state: "paused" });
    expect($(".state").textContent).toBe("❚❚ paused");
    expect($("[data-do=go]").getAttribute("aria-label")).toBe("Resume (Space)");
    press(".");
    press(" ");
    $("[data-do=stop]").click();
    expect(sent.slice(1)).toEqual([{ do: "step" }, { do: "resume" }, { do: "stop" }]);
  });

  test("settings are sent once when typed or dragged, and follow the kernel where nobody types", () => {
    const field = $<HTMLInputElement>("[data-set=lr]");
    expect(field.value).toBe("0.1");
    field.focus();
    field.value = "0.02";
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    field.dispatchEvent(new Event("change"));
    expect(sent).toEqual([{ set: { lr: 0.02 } }]);
    tell({ settings: { lr: 0.5, momentum: 0.3, clip: 2 } });
    expect(field.value).toBe("0.02");
    expect($<HTMLInputElement>("[data-set=momentum]").value).toBe("0.3");
    expect($<HTMLInputElement>("[type=checkbox]").checked).toBe(true);
    field.blur();
    tell({ settings: { lr: 0.5, momentum: 0.3, clip: 2 } });
    expect(field.value).toBe("0.5");
    $<HTMLInputElement>("[type=checkbox]").click();
    expect(sent[1]).toEqual({ set: { clip: null } });
    const range = $<HTMLInputElement>(".knobs input[type=range]");
    range.value = "0.6";
    range.dispatchEvent(new Event("input"));
    range.dispatchEvent(new Event("change"));
    expect(Number(field.value)).toBeCloseTo(0.1, 2);
    expect(sent[2]).toEqual({ set: { lr: Number(field.value) } });
  });

  test("a branch takes the step of the cursor and what was changed", () => {
    press("Home");
    press("ArrowRight");
    press("f");
    expect($<HTMLInputElement>("[data-fork=at]").value).toBe("1");
    $<HTMLInputElement>("[data-fork=lr]").value = "0.01";
    $<HTMLInputElement>("[data-fork=steps]").value = "20";
    $("[data-do=branch]").click();
    expect(sent).toEqual([{ fork: 1, set: { lr: 0.01 }, steps: 20 }]);
    expect($(".branch").hidden).toBe(true);
  });

  test("what went wrong is there with its traceback, and goes with the next run", () => {
    tell({ state: "failed", error: "ValueError: <b>bad</b>", trouble: "Traceback\n  in step" });
    expect($(".status").textContent).toBe("Step 40 failed: ValueError: <b>bad</b>");
    expect($(".status").dataset.level).toBe("error");
    expect($(".trouble").textContent).toContain("in step");
    tell({});
    expect($(".trouble").hidden).toBe(true);
    expect($(".status").textContent).toBe("");
  });

  test("without a kernel there are no buttons and the settings are words", () => {
    view.close();
    view = mountTrainerPanel(host, structuredClone(DATA) as never);
    expect(host.shadowRoot!.querySelectorAll("[data-do],[data-set]")).toHaveLength(0);
    expect($(".knobs").textContent).toBe("learning rate 0.1momentum 0.9SGD");
  });

  test("everything that can be focused has a name", () => {
    press("f");
    const all = [...host.shadowRoot!.querySelectorAll<HTMLElement>("button,input,select,[tabindex]")];
    expect(all.filter((e) => !e.getAttribute("aria-label") && !e.textContent!.trim() && !e.closest("label")?.textContent)).toEqual([]);
  });
});
