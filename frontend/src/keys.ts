// One keyboard map for every view. A view names the actions it has; keys of actions it lacks are left to the page.
export type Actions = Partial<Record<Action, () => void>>;
export type Action =
  | "next" | "previous" | "ten" | "back-ten" | "first" | "last" | "play" | "slower" | "faster" | "search"
  | "walk-left" | "walk-right" | "walk-up" | "walk-down" | "inspect" | "fold" | "text" | "leave" | "help";

export const KEYS: [key: string, action: Action, words: string][] = [
  ["ArrowRight", "next", "next step"],
  ["ArrowLeft", "previous", "step back"],
  ["Shift+ArrowRight", "ten", "ten steps on"],
  ["Shift+ArrowLeft", "back-ten", "ten steps back"],
  ["Home", "first", "to the start"],
  ["End", "last", "to the end"],
  [" ", "play", "play or pause"],
  ["[", "slower", "slower"],
  ["]", "faster", "faster"],
  ["/", "search", "search"],
  ["Ctrl+ArrowLeft", "walk-left", ""],
  ["Ctrl+ArrowRight", "walk-right", "walk along an edge (any arrow)"],
  ["Ctrl+ArrowUp", "walk-up", ""],
  ["Ctrl+ArrowDown", "walk-down", ""],
  ["Enter", "inspect", "inspect the node"],
  ["c", "fold", "fold modules"],
  ["t", "text", "text twin"],
  ["Escape", "leave", "close or leave"],
  ["?", "help", "keys"],
];

const MAP = new Map(KEYS.map(([key, action]) => [key, action]));

export function actionOf(e: KeyboardEvent): Action | undefined {
  if (e.altKey) return undefined;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  const shift = e.shiftKey && e.key.length > 1 ? "Shift+" : "";
  return MAP.get((e.ctrlKey || e.metaKey ? "Ctrl+" : "") + shift + key);
}

/** Runs the action of a key press; true when there was one. Typing in a field keeps its keys, except Escape. */
export function handle(e: KeyboardEvent, actions: Actions): boolean {
  const target = (e.composedPath?.()[0] ?? e.target) as HTMLElement;
  const tag = target?.tagName;
  const typing = (tag === "INPUT" && (target as HTMLInputElement).type !== "range") || tag === "TEXTAREA" || tag === "SELECT";
  const action = actionOf(e);
  if (typing && action !== "leave") return false;
  if ((tag === "BUTTON" || tag === "SUMMARY" || target?.getAttribute?.("role") === "button") && (e.key === " " || e.key === "Enter")) return false;
  const run = action && actions[action];
  if (!run) return false;
  e.preventDefault();
  e.stopPropagation();
  run();
  return true;
}
