// The frame every view lives in: an isolated root (its own styles and ids, so two views never clash), theme, keyboard,
// title, announcements, status line, and the mark that says it has been painted.
import { el, say } from "./dom";
import { handle, type Actions } from "./keys";
import { KIT } from "./style";

/** A constructed sheet where the browser has them (no page policy forbids those), else a style element. */
function dress(root: ShadowRoot, css: string): void {
  root.replaceChildren();
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(el("style", {}, css));
  }
}

export class Shell {
  readonly root: ShadowRoot;
  readonly view = el("div", { class: "view" });
  readonly header = el("header");
  readonly said = el("div", { class: "said", "aria-live": "polite", "aria-atomic": "true" });
  readonly body = el("div", { class: "body" });
  readonly statusLine = el("div", { class: "status", role: "status" });
  readonly heading: HTMLElement;
  #undo: (() => void)[] = [];

  constructor(
    readonly host: HTMLElement,
    title: string,
    label: string,
    css = "",
  ) {
    this.root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.heading = el("h3", { dir: "auto" }, title);
    this.header.append(this.heading);
    this.view.append(this.header, this.said, this.body, this.statusLine);
    dress(this.root, KIT + css);
    this.root.append(this.view);
    host.setAttribute("tabindex", "0");
    host.setAttribute("role", "application");
    host.setAttribute("aria-label", label);
    // Without this JupyterLab takes a key meant for the view as a command: "d d" would delete the learner's cell.
    host.setAttribute("data-lm-suppress-shortcuts", "true");
    this.#followTheme();
    const failed = (e: Event): void => this.status(`In the kernel: ${(e as CustomEvent<string>).detail}`, "error");
    host.addEventListener("gradviz-failed", failed);
    this.later(() => host.removeEventListener("gradviz-failed", failed));
    // JupyterLab swallows the "change" that Enter makes in a field.
    const entered = (e: KeyboardEvent): void => {
      const field = e.composedPath()[0];
      if (e.key === "Enter" && field instanceof HTMLInputElement && /^(number|text)$/.test(field.type)) field.dispatchEvent(new Event("change"));
    };
    host.addEventListener("keydown", entered);
    this.later(() => host.removeEventListener("keydown", entered));
  }

  keys(actions: Actions): void {
    const hear = (e: KeyboardEvent): void => {
      try {
        handle(e, actions);
      } catch (error) {
        this.fail(error);
      }
    };
    this.host.addEventListener("keydown", hear);
    this.#undo.push(() => this.host.removeEventListener("keydown", hear));
  }

  announce(text: string): void {
    say(this.said, text);
  }

  status(text: string, level: "note" | "error" = "note"): void {
    say(this.statusLine, text);
    this.statusLine.dataset.level = level;
  }

  fail(error: unknown): void {
    this.status(`This view had a problem: ${error instanceof Error ? error.message : String(error)}`, "error");
  }

  /** Run something now and show what goes wrong in the status line instead of losing it in the console. */
  safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Resolves after the browser has painted what is in the page now. */
  painted(): Promise<void> {
    return new Promise((done) => {
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
          channel.port1.close();
          done();
        };
        channel.port2.postMessage(0);
      });
    });
  }

  /** Sets `name` on the host once painted: what tests wait for ([data-ready], [data-step="3"]). */
  async mark(name: string, value = ""): Promise<void> {
    await this.painted();
    this.host.setAttribute(name, value);
  }

  get calm(): boolean {
    return !!globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  }

  onTheme: () => void = () => undefined;

  #followTheme(): void {
    const query = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
    const apply = (): void => {
      const lab = document.body?.getAttribute("data-jp-theme-light");
      const dark = lab === null || lab === undefined ? !!query?.matches : lab === "false";
      this.host.dataset.theme = dark ? "dark" : "light";
      this.onTheme();
    };
    const watch = new MutationObserver(apply);
    if (document.body) watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    query?.addEventListener?.("change", apply);
    this.#undo.push(() => {
      watch.disconnect();
      query?.removeEventListener?.("change", apply);
    });
    apply();
  }

  later(undo: () => void): void {
    this.#undo.push(undo);
  }

  close(): void {
    this.#undo.forEach((f) => f());
    this.root.replaceChildren();
  }
}
