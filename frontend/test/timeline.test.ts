import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { actionOf, handle } from "../src/keys";
import { Timeline } from "../src/timeline";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("it stays within its ends and tells who listens", () => {
  const time = new Timeline(5);
  const heard: [number, number][] = [];
  time.on((now, before) => heard.push([now, before]));
  time.by(-1);
  time.by(2);
  time.go(99);
  expect(heard).toEqual([[2, 0], [5, 2]]);
});

test("it plays to the end and stops; playing again starts over", () => {
  const time = new Timeline(3);
  time.play();
  vi.advanceTimersByTime(10_000);
  expect(time.cursor).toBe(3);
  expect(time.playing).toBe(false);
  time.play();
  expect(time.cursor).toBe(0);
  expect(time.playing).toBe(true);
});

test("twice the speed takes half the time", () => {
  const slow = new Timeline(100);
  const fast = new Timeline(100);
  fast.faster(1);
  slow.play();
  fast.play();
  vi.advanceTimersByTime(11_050);
  expect(slow.cursor).toBe(10);
  expect(fast.cursor).toBe(20);
});

test("a gate can hold the next step, and playing then stops", () => {
  const time = new Timeline(3);
  time.gate = (next) => next < 2;
  time.play();
  vi.advanceTimersByTime(10_000);
  expect([time.cursor, time.playing]).toEqual([1, false]);
});

const press = (key: string, more: KeyboardEventInit = {}): KeyboardEvent => new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });

test.each([
  ["ArrowRight", {}, "next"], ["ArrowLeft", {}, "previous"], ["ArrowRight", { shiftKey: true }, "ten"],
  ["ArrowLeft", { shiftKey: true }, "back-ten"], ["Home", {}, "first"], ["End", {}, "last"], [" ", {}, "play"],
  ["[", {}, "slower"], ["]", {}, "faster"], ["/", {}, "search"], ["ArrowUp", { ctrlKey: true }, "walk-up"],
  ["Enter", {}, "inspect"], ["c", {}, "fold"], ["C", { shiftKey: true }, "fold"], ["t", {}, "text"], ["Escape", {}, "leave"],
  ["c", { ctrlKey: true }, undefined], ["d", {}, undefined], ["ArrowUp", {}, undefined], ["ArrowRight", { altKey: true }, undefined],
])("%s %j is %s", (key, more, action) => expect(actionOf(press(key, more))).toBe(action));

test("keys typed into a field stay in the field, except Escape", () => {
  const field = document.createElement("input");
  document.body.append(field);
  const done: string[] = [];
  const actions = { text: () => done.push("text"), leave: () => done.push("leave"), next: () => done.push("next") };
  field.addEventListener("keydown", (e) => handle(e, actions));
  for (const key of ["t", "ArrowRight", "Escape"]) field.dispatchEvent(press(key));
  expect(done).toEqual(["leave"]);
});

test("space on a button presses the button", () => {
  const button = document.createElement("button");
  const played = vi.fn();
  button.addEventListener("keydown", (e) => handle(e, { play: played, next: played }));
  button.dispatchEvent(press(" "));
  expect(played).not.toHaveBeenCalled();
  button.dispatchEvent(press("ArrowRight"));
  expect(played).toHaveBeenCalledOnce();
});
