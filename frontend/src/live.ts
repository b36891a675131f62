// A view with the kernel behind it: an anywidget module of a few lines, because every widget carries it. The view's own
// script is asked for once per page and put into it as replay.ts does.
import type { Handle, Port } from "./register";

interface WidgetModel {
  get(name: string): unknown;
  on(event: string, hear: (...arguments_: never[]) => void): void;
  off(event: string, hear: (...arguments_: never[]) => void): void;
  send(message: unknown): void;
}
type Told = { runtime?: string; told?: unknown; failed?: string };

const page = globalThis as unknown as { gradvizLoading?: Record<string, Promise<void>> };

function load(model: WidgetModel, key: string): Promise<void> {
  const loading = (page.gradvizLoading ??= {});
  if (globalThis.gradvizViews?.[key]) return Promise.resolve();
  return (loading[key] ??= new Promise((done, fail) => {
    const hear = (message: Told, buffers: DataView[]): void => {
      if (message.runtime !== key) return;
      model.off("msg:custom", hear);
      new Response(new Blob([buffers[0] as DataView<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("deflate"))).text().then((code) => {
        const script = document.createElement("script");
        script.textContent = code;
        document.head.append(script);
        script.remove();
        globalThis.gradvizViews![key] = globalThis.gradvizViews![key.split("@")[0]];
        done();
      }).catch((error: unknown) => {
        delete loading[key];
        fail(error);
      });
    };
    model.on("msg:custom", hear);
    model.send({ need: key });
  }));
}

export default {
  async render({ model, el }: { model: WidgetModel; el: HTMLElement }): Promise<() => void> {
    const key = model.get("view") as string;
    const host = document.createElement("div");
    el.classList.add("gradviz");
    el.append(host);
    await load(model, key);
    const port: Port = {
      send: (message) => model.send({ said: message }),
      hear: (listener) => model.on("msg:custom", (message: Told, buffers: DataView[]) => {
        if ("told" in message) listener(message.told, buffers);
      }),
    };
    const mount = globalThis.gradvizViews![key];
    let handle: Handle = mount(host, structuredClone(model.get("data")), port);
    const renew = (): void => {
      const data = structuredClone(model.get("data"));
      if (handle.update) {
        handle = (handle.update(data) as Handle | undefined) ?? handle;
        return;
      }
      handle.close();
      handle = mount(host, data, port);
    };
    const failed = (message: Told): void => {
      if (message.failed) host.dispatchEvent(new CustomEvent("gradviz-failed", { detail: message.failed }));
    };
    model.on("change:data", renew);
    model.on("msg:custom", failed);
    return () => {
      model.off("change:data", renew);
      model.off("msg:custom", failed);
      handle.close();
    };
  },
};
