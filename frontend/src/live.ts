// A view with the kernel behind it: an anywidget module of a few lines, because every widget carries it. The view's own
// script is in another model, shared by all views of its kind; it is put into the page once, as replay.ts does.
import type { Handle, Port } from "./register";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Hear = (...what: any[]) => void;
interface WidgetModel {
  get(name: string): unknown;
  on(event: string, hear: Hear): void;
  off(event: string, hear: Hear): void;
  send(message: unknown): void;
  widget_manager: { get_model(id: string): Promise<{ get(name: string): unknown }> };
}
type Told = { told?: unknown; failed?: string };

interface Moment {
  iteration: number;
}

const page = globalThis as unknown as {
  gradvizLoading?: Record<string, Promise<void>>;
  // of the kit, which comes with the script of the first view
  gradvizKit: { join(name: string, moved: (moment: Moment) => void): { tell(moment: Moment): void; leave(): void } };
};
const PAUSE = 50; // milliseconds between two words to the kernel about where the reader is

async function run(model: WidgetModel, key: string): Promise<void> {
  const script = await model.widget_manager.get_model(model.get("runtime") as string);
  const code = script.get("code") as DataView<ArrayBuffer>;
  const text = await new Response(new Blob([code]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  const element = document.createElement("script");
  element.textContent = text;
  document.head.append(element);
  element.remove();
  const mount = globalThis.gradvizViews?.[key.split("@")[0]];
  if (!mount) throw new Error(`the script of ${key} did not run here`);
  globalThis.gradvizViews![key] = mount;
}

/** Once per page and version, however many views ask for it; a failure is forgotten, so that the next one may try again. */
function load(model: WidgetModel, key: string): Promise<void> {
  if (globalThis.gradvizViews?.[key]) return Promise.resolve();
  const loading = (page.gradvizLoading ??= {});
  return (loading[key] ??= run(model, key).finally(() => delete loading[key]));
}

/** Between the timeline of the page and that of the kernel. What the kernel says is not said back to it. */
function share(model: WidgetModel, on: (event: string, hear: Hear) => void): () => void {
  const name = model.get("timeline") as string;
  if (!name) return () => undefined;
  let last: Moment | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const channel = page.gradvizKit.join(name, (moment) => {
    last = moment;
    timer ??= setTimeout(() => {
      timer = undefined;
      model.send({ moved: last });
    }, PAUSE);
  });
  const go = (): void => {
    const { iteration, phase, op } = model.get("moment") as Moment & { phase?: string; op?: number };
    if (iteration !== undefined) channel.tell({ iteration, ...(phase && { phase }), ...(op !== undefined && { op }) });
  };
  if (!last) go(); // the first view of this timeline on the page starts where the kernel is
  on("change:moment", go);
  return () => {
    clearTimeout(timer);
    channel.leave();
  };
}

export default {
  async render({ model, el, signal }: { model: WidgetModel; el: HTMLElement; signal?: AbortSignal }): Promise<() => void> {
    const undo: (() => void)[] = [];
    const on = (event: string, hear: Hear): void => {
      model.on(event, hear);
      undo.push(() => model.off(event, hear));
    };
    const host = document.createElement("div");
    const close = (): void => {
      undo.splice(0).forEach((f) => f());
      host.remove();
    };
    el.classList.add("gradviz");
    el.append(host);
    const say = (what: string): void => void host.dispatchEvent(new CustomEvent("gradviz-failed", { detail: what }));
    const note = (error: unknown): void => {
      const line = document.createElement("p");
      line.setAttribute("role", "status");
      line.textContent = `The view could not be shown here: ${error instanceof Error ? error.message : String(error)}`;
      host.before(line);
      undo.push(() => line.remove());
    };
    try {
      const key = model.get("view") as string;
      await load(model, key);
      if (signal?.aborted) return close;
      const mount = globalThis.gradvizViews![key];
      const data = (): unknown => structuredClone(model.get("data"));
      let ears: Hear[] = [];
      const port: Port = { send: (message) => model.send({ said: message }), hear: (listener) => void ears.push(listener) };
      let handle: Handle = mount(host, data(), port);
      undo.push(() => handle.close(), share(model, on));
      on("change:data", () => {
        try {
          if (handle.update) handle = (handle.update(data()) as Handle | undefined) ?? handle;
          else {
            handle.close();
            ears = []; // a view that cannot be updated is made anew, and listens anew
            handle = mount(host, data(), port);
          }
        } catch (error) {
          say(`its news could not be drawn: ${error instanceof Error ? error.message : String(error)}`);
        }
      });
      on("msg:custom", (message: Told, buffers?: DataView[]) => {
        if (message.failed) say(message.failed);
        if ("told" in message) for (const listener of [...ears]) listener(message.told, buffers ?? []);
      });
      on("comm_live_update", () => say("it was restarted or shut down. What is shown stays; nothing done here reaches it any more."));
    } catch (error) {
      note(error);
    }
    return close;
  },
};
