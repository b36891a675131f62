// Every view is a file of its own that registers one function: put the view for this data into this element.
import type { CanvasGraph } from "./canvas";
import type { Quiz } from "./quiz";

export interface Handle {
  close(): void;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Mount = (host: HTMLElement, packed: any) => Handle;

declare global {
  // eslint-disable-next-line no-var
  var gradvizViews: Record<string, Mount> | undefined;
  // eslint-disable-next-line no-var
  var gradvizParts: { canvas?: typeof CanvasGraph; quiz?: typeof Quiz } | undefined;
}

export function register(name: string, mount: Mount): void {
  (globalThis.gradvizViews ??= {})[name] = mount;
}
