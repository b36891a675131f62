"""`LiveView`: a view with the kernel behind it, for what a recording cannot hold.

In JupyterLab it is a widget that runs the same script as the saved picture; wherever there is no kernel the saved
picture, a Replay, is what shows. The widget carries a few lines only; the script is sent once per page, when asked for.

What the page says may arrive on another thread while a cell is running: `hear` is called under the view's lock, must be
short, and whatever goes wrong in it is shown in the view's own status line.
"""

from __future__ import annotations

import threading
import zlib
from abc import abstractmethod
from typing import Any

from gradviz.widgets.base import View
from gradviz.widgets.replay import STATIC, runtime_text

LIVE = STATIC / "live.js"


class LiveView(View):
    """A view that can hear from the page and tell it things."""

    view: str  # the name of the view's script
    _widget: Any = None

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """What the script is given: the same as in the saved picture."""

    def modules(self) -> tuple[str, ...]:
        """The scripts that the view needs besides its own."""
        return ()

    def hear(self, message: Any, buffers: Any) -> None:
        """Something the page said."""
        raise NotImplementedError(f"{type(self).__name__} does not listen")

    def tell(self, message: Any, buffers: Any = ()) -> None:
        """Say something to every place on the page where this view is shown; nothing where it is not shown."""
        if self._widget is not None:
            self._widget.send({"told": message}, buffers=list(buffers))

    def renew(self) -> None:
        """Show the view's data as they are now."""
        if self._widget is not None:
            self._widget.data = self.data()

    @property
    def lock(self) -> threading.RLock:
        """Held while the page is heard; hold it too while changing what `hear` changes."""
        return self.__dict__.setdefault("_lock", threading.RLock())  # type: ignore[no-any-return]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        still = super()._repr_mimebundle_(include, exclude)
        if self._widget is None:
            self._widget = widget(self)
        if self._widget is None:
            return still
        data, meta = self._widget._repr_mimebundle_(include=include, exclude=exclude)
        return {**data, **still}, meta


def widget(view: LiveView) -> Any | None:
    """The anywidget for a view; None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class Live(anywidget.AnyWidget):
        _esm = LIVE
        view = traitlets.Unicode().tag(sync=True)
        data: Any = traitlets.Dict().tag(sync=True)

    text, version = runtime_text(view.view, view.modules())
    made = Live(view=f"{view.view}@{version}", data=view.data())

    def receive(_widget: Any, message: Any, buffers: Any) -> None:
        try:
            if "need" in message:
                made.send({"runtime": message["need"]}, buffers=[zlib.compress(text.encode(), 9)])
            else:
                with view.lock:
                    view.hear(message["said"], buffers)
        except Exception as error:
            made.send({"failed": f"{type(error).__name__}: {error}"})

    made.on_msg(receive)
    return made
