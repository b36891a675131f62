// The list of keys, over the picture.
import { el } from "./dom";
import { KEYS, type Action } from "./keys";

/** Show or hide the keys a view has; `also` are keys of its own, as pairs of key and words. */
export function showKeys(help: HTMLElement, has?: ReadonlySet<Action>, also: [string, string][] = [], hint = ""): void {
  help.hidden = !help.hidden;
  const known = KEYS.filter(([, action, words]) => words && (!has || has.has(action))).map(([key, , words]): [string, string] => [key, words]);
  const rows = [...also, ...known].map(([key, words]) =>
    el("div", {}, el("dt", {}, el("kbd", {}, key.replace("Arrow", "").replace(/^ $/, "Space").replace("+", " + "))), el("dd", {}, words)));
  help.replaceChildren(el("h4", {}, "Keys"), el("dl", {}, ...rows), el("p", { class: "hint" }, hint));
}
