import { afterEach, beforeEach, expect, test, vi } from "vitest";
import "../src/parts/breaks";
import { apart, summary, type Check, type Checks } from "../src/parts/checks";
import { mount, type Viewer } from "../src/viewer";
import shared from "./stops.json";

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
const LIST: Check[] = [
  { n: 0, kind: "bad", text: `x: backward 2, finite difference 3. To blame: your Function ${HOSTILE}`, rows: [["[0]", 2, 3], ["[1]", 0, 0]], culprit: 3 },
  { n: 1, kind: "unsure", text: "w: cannot tell, a corner", rows: [] },
  { n: 2, kind: "ok", text: "sqrt: backward 1, finite difference 1", rows: [["", 1, 1]] },
];
const open = (list: Check[], stops: unknown[] = []): Checks => {
  const data = structuredClone(shared[0].data) as unknown as object;
  viewer = mount(host, { ...data, parts: ["breaks", "checks"], extra: { breaks: { stops }, checks: { list, note: "2 left out" } } });
  return viewer.parts[1] as unknown as Checks;
};
const all = (css: string): string[] => [...viewer.shell.root.querySelectorAll(css)].map((e) => e.textContent!);

test("every verdict has its badge, its line and its words", () => {
  open(LIST);
  expect(all(".badge.bad > text")).toEqual(["!", "!"]); // the leaf, and who is to blame
  expect(all(".badge.unsure > text").every((t) => t === "?")).toBe(true);
  expect(all(".badge.ok > text").every((t) => t === "✓")).toBe(true);
  expect(all(".checks .verdict")).toEqual(["! differs", "? cannot tell", "✓ agrees"]);
  expect(all(".checks .why").filter(Boolean)).toEqual([`To blame: your Function ${HOSTILE}`, "a corner"]);
  expect(all(".checks p")[0]).toContain("1 differs, 1 cannot be told, 1 agrees. ".trim());
  expect(viewer.shell.root.querySelector("img")).toBeNull();
});

test("the panel is open when something is wrong, else behind its button", () => {
  expect(open(LIST).element.hidden).toBe(false);
  viewer.close();
  const part = open(LIST.slice(2));
  expect(part.element.hidden).toBe(true);
  part.tools[0].click();
  expect(part.element.hidden).toBe(false);
  expect(all(".status")[0]).toContain("Finite differences: 1 agrees");
});

test("a stop and a check on one box are both said, and the graver is shown", () => {
  open([{ ...LIST[2], n: 3 }], [{ kind: "op", name: "mul" }]);
  const badge = viewer.model.badges.get(viewer.model.nodes.find((n) => n.label === "mul")!.n)!;
  expect(viewer.model.nodes[3].label).toBe("mul");
  expect(badge.kind).toBe("stop");
  expect(badge.text).toContain("Stop: ");
  expect(badge.text).toContain("Checked. ");
});

test("a name in the table selects its node", () => {
  open(LIST);
  viewer.shell.root.querySelector<HTMLElement>(".checks .link")!.click();
  expect(viewer.model.selected).toBe(0);
});

test("how far two numbers are apart", () => {
  expect(apart(2, 4)).toBe("0.5");
  expect(apart(0, 0)).toBe("0");
  expect(apart("nan", 1)).toBe("");
  expect(summary([])).toBe("nothing to check");
});
