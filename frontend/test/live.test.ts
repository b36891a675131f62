import { Blob as NodeBlob } from "node:buffer";
import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import live from "../src/live";
import { join, type Moment } from "../src/timeline";

type Hear = (...what: unknown[]) => void;
let asked: number;
let scripts: Record<string, string>;

/** A widget model as anywidget hands it over. */
class Model {
  sent: unknown[] = [];
  hear: [string, Hear][] = [];
  widget_manager = {
    get_model: (id: string) => {
      asked++;
      if (!(id in scripts)) return Promise.reject(new Error("widget model not found"));
      const bytes = deflateSync(scripts[id]);
      return Promise.resolve({ get: () => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) });
    },
  };
  constructor(public state: Record<string, unknown>) {}
  get(name: string): unknown {
    return this.state[name];
  }
  on(event: string, hear: Hear): void {
    this.hear.push([event, hear]);
  }
  off(event: string, hear: Hear): void {
    this.hear = this.hear.filter(([e, h]) => e !== event || h !== hear);
  }
  send(message: unknown): void {
    this.sent.push(message);
  }
  emit(event: string, ...what: unknown[]): void {
    for (const [e, hear] of [...this.hear]) if (e === event) hear(...what);
  }
  set(name: string, value: unknown): void {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }
}

interface Shown {
  host: HTMLElement;
  data: Record<string, unknown>;
  port: { send(m: unknown): void; hear(f: Hear): void };
  closed: boolean;
}
const page = globalThis as unknown as { shown: Shown[]; ran: number; updates: unknown[]; gradvizViews?: Record<string, unknown>; gradvizTimelines?: unknown; gradvizKit: unknown };
const script = (update: boolean): string => `
  globalThis.ran = (globalThis.ran ?? 0) + 1;
  (globalThis.gradvizViews ??= {}).toy = (host, data, port) => {
    if (data.refuse) throw new Error("this cannot be drawn");
    const one = { host, data, port, closed: false };
    globalThis.shown.push(one);
    port?.hear((m) => { if (m === "throw") throw new Error("x"); (one.told ??= []).push(m); });
    return { close() { one.closed = true; }, ${update ? "update(d) { if (d.refuse) throw new Error('no'); globalThis.updates.push(d); }," : ""} };
  };`;

beforeEach(() => {
  vi.stubGlobal("Blob", NodeBlob);
  // A browser runs a script that is put into the page; here it would run in another world than the test.
  vi.spyOn(document.head, "append").mockImplementation((element) => void (0, eval)((element as HTMLElement).textContent!));
  Object.assign(page, { shown: [], ran: 0, updates: [], gradvizViews: undefined, gradvizTimelines: undefined, gradvizKit: { join } });
  asked = 0;
  scripts = { script: script(true), other: script(false) };
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const model = (more: Record<string, unknown> = {}): Model => new Model({ view: "toy@1", runtime: "script", data: { n: 1 }, timeline: "", moment: {}, ...more });
const show = async (m: Model): Promise<{ el: HTMLElement; close: () => void }> => {
  const el = document.createElement("div");
  document.body.append(el);
  return { el, close: await live.render({ model: m as never, el }) };
};
const failures = (host: HTMLElement): string[] => {
  const found: string[] = [];
  host.addEventListener("gradviz-failed", (e) => found.push((e as CustomEvent<string>).detail));
  return found;
};

test("several views load their script once, also at the same time", async () => {
  await Promise.all([show(model()), show(model()), show(model())]);
  await show(model());
  expect([page.ran, asked, page.shown.length]).toEqual([1, 1, 4]);
});

test("another version of the script is another script", async () => {
  await show(model());
  await show(model({ view: "toy@2", runtime: "other" }));
  expect(page.ran).toBe(2);
  await show(model());
  expect(page.ran).toBe(2);
});

test("two views of one model both hear and both speak", async () => {
  const m = model();
  await show(m);
  await show(m);
  m.emit("msg:custom", { told: "hello" }, []);
  expect(page.shown.map((s) => (s as never as { told: unknown[] }).told)).toEqual([["hello"], ["hello"]]);
  page.shown[0].port.send("a");
  page.shown[1].port.send("b");
  expect(m.sent).toEqual([{ said: "a" }, { said: "b" }]);
});

test("news are handed over as a copy; a view without update is made anew and listens once", async () => {
  const m = model();
  await show(m);
  m.set("data", { n: 2 });
  expect(page.updates).toEqual([{ n: 2 }]);
  const old = model({ view: "toy@2", runtime: "other" });
  await show(old);
  old.set("data", { n: 5 });
  old.set("data", { n: 6 });
  expect(page.shown.slice(1).map((s) => [s.data.n, s.closed])).toEqual([[1, true], [5, true], [6, false]]);
  old.emit("msg:custom", { told: "x" }, []);
  expect(page.shown.slice(1).map((s) => (s as never as { told?: unknown[] }).told)).toEqual([undefined, undefined, ["x"]]);
});

test("news that came while the script was loading are what is shown", async () => {
  const m = model();
  const shown = show(m);
  m.state.data = { n: 9 };
  await shown;
  expect(page.shown[0].data.n).toBe(9);
});

test("what fails is said in the view", async () => {
  const m = model();
  await show(m);
  const said = failures(page.shown[0].host);
  m.emit("msg:custom", { failed: "ValueError: no" }, []);
  m.set("data", { refuse: true });
  m.emit("comm_live_update");
  expect(said[0]).toBe("ValueError: no");
  expect(said[1]).toContain("could not be drawn: no");
  expect(said[2]).toContain("restarted");
});

test("a view that cannot be shown says why, and the next one tries again", async () => {
  const lost = await show(model({ runtime: "gone" }));
  expect(lost.el.textContent).toContain("widget model not found");
  expect((await show(model({ data: { refuse: true } }))).el.textContent).toContain("this cannot be drawn");
  expect((await show(model())).el.textContent).toBe("");
  expect(page.shown).toHaveLength(1);
  lost.close();
  expect(lost.el.textContent).toBe("");
});

test("closing leaves nothing behind", async () => {
  const m = model({ timeline: "t" });
  const { el, close } = await show(m);
  close();
  expect(m.hear).toEqual([]);
  expect(page.shown[0].closed).toBe(true);
  expect(el.childElementCount).toBe(0);
  close();
});

test("a view that was gone before its script came is not made", async () => {
  const gone = new AbortController();
  const m = model();
  const el = document.createElement("div");
  const shown = live.render({ model: m as never, el, signal: gone.signal });
  gone.abort();
  (await shown)();
  expect(page.shown).toHaveLength(0);
  expect(m.hear).toEqual([]);
});

test("the kernel's timeline and the page's are one, without an echo", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const m = model({ timeline: "t", moment: { move: 1, iteration: 7 } });
  await show(m);
  const heard: Moment[] = [];
  const view = join("t", (moment) => heard.push(moment));
  expect(heard).toEqual([{ iteration: 7 }]);
  m.set("moment", { move: 2, iteration: 9, phase: "backward", op: 0 });
  expect(heard[1]).toEqual({ iteration: 9, phase: "backward", op: 0 });
  vi.advanceTimersByTime(200);
  expect(m.sent).toEqual([]);
  for (let i = 0; i < 10; i++) view.tell({ iteration: i });
  vi.advanceTimersByTime(200);
  expect(m.sent).toEqual([{ moved: { iteration: 9 } }]);
  const late = model({ timeline: "t", moment: { move: 2, iteration: 3 } });
  await show(late);
  expect(heard).toHaveLength(2);
  vi.useRealTimers();
});
