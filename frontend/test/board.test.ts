import { afterEach, expect, test } from "vitest";
import { Board, choice } from "../src/board";
import { real } from "../src/real";
import { Shell } from "../src/shell";
import type { Moment } from "../src/timeline";

afterEach(() => document.body.replaceChildren());

function board(more: Partial<ConstructorParameters<typeof Board>[1]> = {}): { board: Board; drawn: number[]; host: HTMLElement; press(key: string, e?: KeyboardEventInit): void } {
  const host = document.createElement("div");
  document.body.append(host);
  const drawn: number[] = [];
  const made = new Board(new Shell(host, "title", "label"), { length: 30, draw: (i) => drawn.push(i), table: () => [["step"], ...Array.from({ length: 31 }, (_, i) => [String(i)])], ...more });
  made.shell.body.append(made.stage);
  return { board: made, drawn, host, press: (key, e = {}) => host.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...e })) };
}

test("keys walk, and each step is drawn once", () => {
  const { board: b, drawn, press } = board();
  b.begin(5);
  for (const [key, e] of [["ArrowRight", {}], ["ArrowRight", { shiftKey: true }], ["ArrowLeft", {}], ["Home", {}], ["End", {}]] as const) press(key, e);
  expect(drawn.slice(-5)).toEqual([6, 16, 15, 0, 30]);
});

test("without steps there are no controls, and the keys are the view's own", () => {
  const seen: string[] = [];
  const { board: b, host, press } = board({ length: 0, actions: { next: () => seen.push("next") } });
  b.begin();
  press("ArrowRight");
  press("Home");
  expect(seen).toEqual(["next"]);
  expect(host.shadowRoot!.querySelector(".transport")).toBeNull();
});

test("the table opens at the step, follows it, and Escape closes it", () => {
  const { board: b, host, press } = board();
  b.begin(3);
  press("t");
  const now = (): string | null | undefined => host.shadowRoot!.querySelector(".twin [aria-current]")?.textContent;
  expect(now()).toBe("3");
  press("ArrowRight");
  expect(now()).toBe("4");
  press("Escape");
  expect(host.shadowRoot!.querySelector<HTMLElement>(".twin")!.hidden).toBe(true);
});

test("the keys that are listed are the keys that work", () => {
  const { board: b, host, press } = board({ also: [["Ctrl+Up", "higher"]] });
  b.begin();
  press("?");
  const text = host.shadowRoot!.querySelector(".help")!.textContent!;
  for (const words of ["next step", "play or pause", "higher", "text twin"]) expect(text).toContain(words);
  expect(text).not.toContain("search");
});

test("views of one timeline move together, by their own steps", () => {
  const a = board({ timeline: "board test", moment: (i): Moment => ({ iteration: 10 * i }) });
  const b = board({ timeline: "board test", length: 300, step: ({ iteration }) => iteration });
  a.board.begin();
  b.board.begin();
  a.board.time.go(7);
  expect(b.board.time.cursor).toBe(70);
  b.board.time.go(20);
  expect(a.board.time.cursor).toBe(20);
  b.board.shell.close();
  a.board.time.go(1);
  expect(b.board.time.cursor).toBe(20);
});

test("a drawing that fails is told in the status line", () => {
  const { board: b } = board({ draw: () => { throw new Error("no ink"); } });
  b.begin();
  expect(b.shell.statusLine.textContent).toContain("no ink");
});

test("one of the buttons is pressed", () => {
  const seen: string[] = [];
  const group = choice("size", [["s", "Small"], ["l", "Large"]], "s", (v) => seen.push(v));
  group.querySelector<HTMLButtonElement>("[data-pick=l]")!.click();
  expect([...group.children].map((b) => b.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
  expect(seen).toEqual(["l"]);
});

test("numbers that JSON has not", () => expect(["inf", "-inf", "nan", 2].map(real)).toEqual([Infinity, -Infinity, NaN, 2]));
