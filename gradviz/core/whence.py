"""Where a value comes from: the module that was running, the user's line, the name it has there."""

from __future__ import annotations

import linecache
import sys
from typing import Any

from .clock import short_name
from .mode import current_module
from .tensor import Tensor


def running_module() -> Any:
    return current_module.get()


def module_path(link: Any) -> tuple[str, str | None]:
    """The dotted path of the innermost running module below the outermost one, and its class name."""
    if link is None:
        return "", None
    outer, inner = link[0], link[1]
    if outer is None:
        return "", type(inner).__name__
    above, name = module_path(outer)[0], _name_in(outer[1], inner)
    return f"{above}.{name}" if above and name else above or name, type(inner).__name__


def _name_in(outer: Any, inner: Any) -> str:
    """What a module is called inside another: mostly it is one of its children."""
    for name, module in outer._modules.items():
        if module is inner:
            return str(name)
    return next((str(name) for name, module in outer.named_modules() if module is inner), type(inner).__name__)


def outermost(link: Any) -> Any:
    """The module whose call started a chain of module calls."""
    while link[0] is not None:
        link = link[0]
    return link[1]


def line_at(filename: str, number: int) -> dict[str, Any]:
    """A line of the user's code: its file's name (never its folder), number and text."""
    text = linecache.getline(filename, number).strip()
    return {"file": short_name(filename), "lineno": number, "text": text[:200]}


def calling_frame() -> Any:
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gradviz"):
        frame = frame.f_back
    return frame


def variable_name(tensor: Tensor) -> str:
    """The name a tensor has in the user's running code, or an empty string."""
    frame = calling_frame()
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            for name, value in list(space.items()):
                if value is tensor and not name.startswith("_"):
                    return str(name)
        frame = frame.f_back if frame.f_back is not None and frame.f_globals is not None and _same_user(frame) else None
    return ""


def _same_user(frame: Any) -> bool:
    """Whether the calling frame is still the user's program (and not the notebook's or a test runner's machinery)."""
    back = frame.f_back
    return bool(back.f_code.co_filename == frame.f_code.co_filename or back.f_globals.get("__name__") == "__main__")
