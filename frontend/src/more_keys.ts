// Keys that a view has beside the common ones of keys.ts.
import type { Action, Actions } from "./keys";
import type { Shell } from "./shell";

/** The common keys that a view has, for its list of keys; of walking it says itself what it does. */
export const listed = (actions: Actions): Set<Action> => new Set((Object.keys(actions) as Action[]).filter((it) => !it.startsWith("walk")));

/** `find` gives what a key does. A field keeps the keys that it needs itself. */
export function moreKeys(shell: Shell, find: (key: string, e: KeyboardEvent) => (() => void) | null | undefined | false): void {
  const hear = (e: KeyboardEvent): void => {
    const { tagName, type } = e.composedPath()[0] as HTMLInputElement;
    if ((tagName === "INPUT" && !/^(range|checkbox)$/.test(type)) || /^(SELECT|TEXTAREA)$/.test(tagName) || e.ctrlKey || e.metaKey) return;
    if (type === "range" && !e.altKey && e.key.startsWith("Arrow")) return;
    const run = find(e.key.length === 1 ? e.key.toLowerCase() : e.key, e);
    if (!run) return;
    e.preventDefault();
    e.stopPropagation();
    shell.safely(run);
  };
  shell.host.addEventListener("keydown", hear);
  shell.later(() => shell.host.removeEventListener("keydown", hear));
}

const WAYS: Record<string, [number, number]> = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Where Alt and an arrow move a place to, by these steps (with Shift ten times as far); null for another key. */
export function nudged(e: KeyboardEvent, place: number[], steps: number[]): number[] | null {
  const way = e.altKey && WAYS[e.key];
  return way ? place.map((v, i) => (way[i] ? v + way[i] * (e.shiftKey ? 10 : 1) * steps[i] : v)) : null;
}

/** Such steps on a map: a hundredth of it. */
export const hundredths = (bounds: [number, number][]): number[] => bounds.map(([low, high]) => (high - low) / 100);
