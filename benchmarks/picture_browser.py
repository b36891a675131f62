"""What a reader waits for, measured in Chromium: key to paint, panning, first paint in a real JupyterLab.

A key is pressed at a random moment of a frame. "Work" is what the view takes: its handler, and then style, layout
and paint from the next frame's start until they are done; "to paint" adds the wait for that frame, which no program can
shorten and which is up to 16.7 ms at 60 frames a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.picture_keys import KEYED, Keyed, chain
from gradviz.cli import probes
from gradviz.widgets import GraphView
from tests.browser.lab import CHROMIUM_FLAGS, Page, Server

KEYS = """async ([host, count, press]) => {
  const pressed = (key) => new KeyboardEvent("keydown", { bubbles: true, composed: true, ...key });
  const tell = (key, to = host) => to.dispatchEvent(pressed(key));
  const run = new Function("host", "i", "tell", press);
  const found = [];
  const painted = () => new Promise((done) => requestAnimationFrame((at) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); done(at); };
    channel.port2.postMessage(0);
  }));
  for (let i = 0; i < count; i++) {
    await new Promise((done) => setTimeout(done, 20 + 17 * ((i * 0.618034) % 1)));
    const start = performance.now();
    run(host, i, tell);
    const handled = performance.now();
    const frame = await painted();
    const end = performance.now();
    found.push([end - start, handled - start + end - Math.max(frame, handled)]);
  }
  return found;
}"""
PAN = """async ([host, count]) => {
  const stage = host.shadowRoot.querySelector(".stage");
  const box = stage.getBoundingClientRect();
  const fire = (kind, x) => stage.dispatchEvent(new PointerEvent(kind, { pointerId: 1, clientX: x, clientY: box.y + 60,
    bubbles: true, composed: true, button: 0, buttons: 1 }));
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  stage.setPointerCapture = () => undefined;
  stage.hasPointerCapture = () => true;
  fire("pointerdown", box.x + 300);
  const found = [];
  let last = await frame();
  for (let i = 0; i < count; i++) {
    fire("pointermove", box.x + 300 - 5 * i);
    const now = await frame();
    found.push(now - last);
    last = now;
  }
  fire("pointerup", box.x + 300);
  return found;
}"""
FIRST = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = 1;
  notebook.deselectAll();
  const painted = new Promise((done) => {
    const look = () => document.querySelector("[data-ready]") ? done(performance.now()) : requestAnimationFrame(look);
    look();
  });
  const arrived = new Promise((done) => {
    const model = notebook.widgets[1].model;
    const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
    kernel.iopubMessage.connect((_, message) => {
      if (message.header.msg_type === "execute_result") done(performance.now());
    });
  });
  window.jupyterapp.commands.execute("notebook:run-cell");
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("nothing was painted in 60 s")), 60000));
  return Promise.race([late, Promise.all([painted, arrived]).then(([shown, told]) => shown - told)]);
}"""


class Figure(NamedTuple):
    """A budget of shared PICTURES.md and what was measured."""

    what: str
    budget: str
    measured: str


def median_p95(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]


@contextmanager
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=probes.chromium(), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def opened(chromium: Any, html: str, folder: Path) -> Any:
    """A page with one view on it, painted: the view's element."""
    file = folder / "page.html"
    file.write_text(f"<!doctype html><meta charset='utf-8'><body>{html}", encoding="utf-8")
    tab = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.goto(file.as_uri())
    host = tab.locator(".gradviz [data-ready]")
    host.wait_for(timeout=60_000)
    return host


def figures() -> Iterator[Figure]:
    """Every figure that needs a browser."""
    with browser() as chromium, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for keyed in KEYED:
            yield key_to_paint(chromium, folder, keyed)
        for count in (800, 10_000):
            view = GraphView(chain(count))
            host = opened(chromium, view.to_html(), folder)
            host.page.evaluate("host => host.scrollIntoView()", host.element_handle())
            frame, frame95 = median_p95(host.page.evaluate(PAN, [host.element_handle(), 60]))
            shown = len(view.scenes[0]["nodes"])
            kind = "canvas" if host.locator("canvas.graph").count() else "SVG"
            yield Figure(f"panning, {shown} visible nodes ({kind})", "", f"{frame:.1f} ms a frame, p95 {frame95:.1f}")
            host.page.context.close()
        yield first_paint(chromium, folder)


def key_to_paint(chromium: Any, folder: Path, keyed: Keyed, count: int = 120) -> Figure:
    """One view, pressed `count` times."""
    view = keyed.make()
    host = opened(chromium, view.to_html(), folder)
    times = host.page.evaluate(KEYS, [host.element_handle(), count, keyed.press])
    host.page.context.close()
    (wall, wall95), (work, work95) = (median_p95([t[i] for t in times]) for i in (0, 1))
    scenes = getattr(view, "scenes", None)
    return Figure(
        f"{keyed.what}: key to paint, p95" + (f", {len(scenes[0]['nodes'])} visible nodes" if scenes else ""),
        f"<= {keyed.budget} ms",
        f"work {work95:.1f} ms (median {work:.1f}); to paint {wall95:.1f} ms (median {wall:.1f})",
    )


def first_paint(chromium: Any, folder: Path) -> Figure:
    """From the arrival of the cell's output in JupyterLab to the painted view."""
    server = Server(folder / "lab")
    try:
        times = []
        for i in range(5):
            source = "from benchmarks.picture_keys import chain\nfrom gradviz.widgets import GraphView\nt = chain(1600)"
            server.write(f"first{i}.ipynb", [source, "GraphView(t)"])
            page = Page(chromium.new_context(viewport={"width": 1280, "height": 900}).new_page(), server)
            page.open(f"first{i}.ipynb").run_cell(0)
            times.append(page.tab.evaluate(FIRST))
            page.close()
            server.stop_kernels()
        return Figure(
            "first paint in JupyterLab after the cell has run, 1,600 nodes",
            "<= 500 ms",
            f"{statistics.median(times):.0f} ms (median of 5; most {max(times):.0f})",
        )
    finally:
        server.close()


if __name__ == "__main__":
    began = time.monotonic()
    if words := sys.argv[1:]:  # only the keys of some views: python -m benchmarks.picture_browser OptimizerRace
        with browser() as chromium, tempfile.TemporaryDirectory() as name:
            for keyed in KEYED:
                if any(word in keyed.what for word in words):
                    print(*key_to_paint(chromium, Path(name), keyed), sep=" | ", flush=True)
        sys.exit()
    for figure in figures():
        print(*figure, sep=" | ", flush=True)
    print(f"{time.monotonic() - began:.0f} s")
