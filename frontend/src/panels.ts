// What can lie over the picture: every step as a line of text (the text twin), and the list of keys.
import { el, put } from "./dom";
import { KEYS } from "./keys";
import type { Model } from "./model";

export function fillTwin(twin: HTMLElement, model: Model): void {
  const list = el("ol");
  model.frames.forEach((f, i) => list.append(el("li", { class: f.phase, dir: "auto", onclick: () => model.time.go(i + 1) }, f.text)));
  twin.replaceChildren(list);
  markTwin(twin, model);
}

/** Mark the line of the current step and bring it into view. */
export function markTwin(twin: HTMLElement, model: Model): void {
  const at = model.time.cursor;
  twin.querySelectorAll("li").forEach((li, i) => {
    put(li, "aria-current", i + 1 === at ? "step" : null);
    li.classList.toggle("later", i + 1 > at);
  });
  const now = twin.querySelector<HTMLElement>("[aria-current]");
  if (now) twin.scrollTop = now.offsetTop - twin.clientHeight / 2;
}

export function showKeys(help: HTMLElement): void {
  help.hidden = !help.hidden;
  const rows = KEYS.filter(([, , words]) => words).map(([key, , words]) =>
    el("div", {}, el("dt", {}, el("kbd", {}, key.replace("Arrow", "").replace(" ", "Space").replace("+", " + "))), el("dd", {}, words)));
  help.replaceChildren(el("h4", {}, "Keys"), el("dl", {}, ...rows), el("p", { class: "hint" }, "Click a node to read about it. Drag to move, Ctrl + wheel to zoom"));
}
