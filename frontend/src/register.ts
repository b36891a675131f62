// Every view is a file of its own that registers one function: put the view for this data into this element.
import type { CanvasGraph } from "./canvas";
import type { Actions } from "./keys";
import type { Viewer } from "./viewer";

export interface Handle {
  close(): void;
  /** New data of the same view: keep what the reader was looking at. Without it the view is made anew. */
  update?(packed: unknown): Handle | void;
}

/** The way to the kernel and back; only live views have one. */
export interface Port {
  send(message: unknown): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  hear(listener: (message: any, buffers: DataView[]) => void): void;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Mount = (host: HTMLElement, packed: any, port?: Port) => Handle;

/** What a part adds to the graph viewer: buttons, a panel under the timeline, keys, and something to do after each change. */
export interface Part {
  tools?: HTMLElement[];
  element?: HTMLElement;
  actions?: Actions;
  keys?: [string, string][]; // of its own, for the list of keys
  redraw?(): void;
  close?(): void;
}

export interface PartMaker {
  css: string;
  new (viewer: Viewer): Part;
}

declare global {
  // eslint-disable-next-line no-var
  var gradvizViews: Record<string, Mount> | undefined;
  // eslint-disable-next-line no-var
  var gradvizParts: Record<string, PartMaker> | undefined;
  // eslint-disable-next-line no-var
  var gradvizCanvas: typeof CanvasGraph | undefined;
}

export function register(name: string, mount: Mount): void {
  (globalThis.gradvizViews ??= {})[name] = mount;
}

export function part(name: string, maker: PartMaker): void {
  (globalThis.gradvizParts ??= {})[name] = maker;
}
