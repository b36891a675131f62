// The text twin: everything the picture says as lines of text, over the picture. The line of the current step is marked.
import { el, put } from "./dom";

export interface Lines {
  length: number;
  line(i: number): { text: string; kind?: string };
  go(i: number): void;
}

export function fillTwin(twin: HTMLElement, lines: Lines, at: number): void {
  const list = el("ol");
  for (let i = 0; i < lines.length; i++) {
    const { text, kind } = lines.line(i);
    list.append(el("li", { class: kind, dir: "auto", onclick: () => lines.go(i + 1) }, text));
  }
  twin.replaceChildren(list);
  markTwin(twin, at);
}

/** Mark the line of step `at`, counted from 1, and bring it into view. */
export function markTwin(twin: HTMLElement, at: number): void {
  twin.querySelectorAll("li").forEach((li, i) => {
    put(li, "aria-current", i + 1 === at ? "step" : null);
    li.classList.toggle("later", i + 1 > at);
  });
  const now = twin.querySelector<HTMLElement>("[aria-current]");
  if (now) twin.scrollTop = now.offsetTop - twin.clientHeight / 2;
}
