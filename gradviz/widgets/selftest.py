"""`SelfTest`: does everything the course uses work on this machine? A row of lights, lit by a click that travels to
Python and back.

The picture in a saved notebook is the unlit row: what a machine has must not show in a notebook that is shared. In
JupyterLab a small live widget takes its place; its button sends back the number that Python had sent, and only then
are the lights lit.
"""

from __future__ import annotations

import os
import platform
import shutil
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

STATIC = Path(__file__).resolve().parent / "static" / "selftest.js"
GLYPH = {"ok": "✓", "extra": "–", "broken": "✗", "dark": "○"}


class Light(NamedTuple):
    """One thing that was looked at: ``ok``, ``extra`` (good to have, not here) or ``broken``."""

    name: str
    state: str
    found: str
    fix: str


WHAT = {
    "kernel": "Python answers",
    "round trip": "a click reaches Python, and the answer reaches the page",
    "engine": "the slope of x * x at 3 is 6",
    "dot": "Graphviz, for other picture formats",
    "data": "the real CIFAR-10 images",
    "GPU": "an NVIDIA card for the last lessons",
}


def kernel() -> Light:
    """Which Python this is."""
    from gradviz.version import __version__

    return Light("kernel", "ok", f"Python {platform.python_version()}, gradviz {__version__}", "")


def engine() -> Light:
    """One real backward pass."""
    import gradviz as torch

    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()
    slope = None if x.grad is None else x.grad.item()
    fix = "Reinstall gradviz, then restart the kernel."
    return Light("engine", "ok" if slope == 6.0 else "broken", f"the slope is {slope:g}", fix)


def dot() -> Light:
    """The program of Graphviz."""
    if shutil.which("dot"):
        return Light("dot", "ok", "the program dot is here", "")
    return Light(
        "dot",
        "extra",
        "not here; every lesson draws its own pictures",
        "apt install graphviz, or brew install graphviz",
    )


def data() -> Light:
    """CIFAR-10 in the folder that GRADVIZ_DATA names."""
    folder = os.environ.get("GRADVIZ_DATA")
    if folder and (Path(folder) / "cifar-10-batches-py").is_dir():
        return Light("data", "ok", "CIFAR-10 is here", "")
    found = "CIFAR-10 is not here; the lessons make their own small data"
    return Light("data", "extra", found, "set GRADVIZ_DATA to the folder that holds cifar-10-batches-py")


def gpu() -> Light:
    """Whether a CUDA device can be used, or why not."""
    import gradviz as torch

    if torch.cuda.is_available():
        return Light("GPU", "ok", "a CUDA device can be used", "")
    return Light(
        "GPU",
        "extra",
        "no CUDA device; the lessons need none",
        'pip install "gradviz[cuda12]" on a machine with an NVIDIA card',
    )


LOOKS = (kernel, engine, dot, data, gpu)


def look() -> list[Light]:
    """Look at everything; whatever goes wrong while looking is a broken light, with the error as what was found."""
    lights = []
    for probe in LOOKS:
        try:
            lights.append(probe())
        except Exception as error:
            name = "GPU" if probe is gpu else probe.__name__
            found = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            lights.append(Light(name, "broken", found, "Reinstall gradviz, then restart the kernel."))
    return lights


class SelfTest:
    """The lights. `pressed`: the button was pressed; `echoed`: the right number came back with it."""

    def __init__(self) -> None:
        import secrets

        self.nonce = secrets.randbelow(10**6)
        self.pressed = False
        self.echoed = False
        self.lights: list[Light] = []
        self._live: Any = None

    def press(self, echo: int) -> list[Light]:
        """What the button does: note the number it sends back, look at everything, and return the lights."""
        self.pressed = True
        self.echoed = echo == self.nonce
        trip = Light(
            "round trip",
            "ok" if self.echoed else "broken",
            "your click came back" if self.echoed else "another number came back",
            "Run the cell again, and press once more.",
        )
        first, *rest = look()
        self.lights = [first, trip, *rest]
        return self.lights

    def to_text(self) -> str:
        """The unlit row: the same on every machine."""
        rows = [f"  {GLYPH['dark']} {name.ljust(11)} {what}" for name, what in WHAT.items()]
        return "\n".join(["Self-test: run this cell in JupyterLab and press the button.", *rows])

    def to_html(self) -> str:
        """The unlit row as HTML."""
        rows = "".join(f"<li>{GLYPH['dark']} <b>{escape(name)}</b>: {escape(what)}</li>" for name, what in WHAT.items())
        head = "<b>Self-test</b>: run this cell in JupyterLab and press the button."
        return f'<div style="padding:4px 12px">{head}<ul style="list-style:none;padding-left:8px">{rows}</ul></div>'

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        still = {"text/plain": self.to_text(), "text/html": self.to_html()}
        if self._live is None:
            self._live = live(self)
        if self._live is None:
            return still, {}
        data, meta = self._live._repr_mimebundle_(include=include, exclude=exclude)
        return {**data, **still}, meta


def live(test: SelfTest) -> Any | None:
    """The widget for JupyterLab; None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class LiveSelfTest(anywidget.AnyWidget):
        _esm = STATIC
        nonce = traitlets.Int().tag(sync=True)
        lights: Any = traitlets.List().tag(sync=True)
        what = traitlets.Dict().tag(sync=True)
        error = traitlets.Unicode().tag(sync=True)

    widget = LiveSelfTest(nonce=test.nonce, what=WHAT)

    def receive(_widget: Any, message: Any, _buffers: Any) -> None:
        """A click. It may come on another thread, where nobody would see an error: the picture shows it."""
        try:
            widget.lights = [light._asdict() for light in test.press(int(message["press"]))]
            widget.error = ""
        except Exception as error:
            widget.error = f"{type(error).__name__}: {error}"

    widget.on_msg(receive)
    return widget
