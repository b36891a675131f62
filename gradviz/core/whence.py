"""Where a value comes from: the module that was running, the user's line, the name it has there."""

from __future__ import annotations

import linecache
import sys
from typing import Any

from .clock import _ours, is_ours, outside, short_name
from .mode import current_module
from .tensor import Tensor

running_module = current_module.get


def module_path(link: Any) -> tuple[str, str | None]:
    """The dotted path of the innermost running module below the outermost one, and its class name."""
    return path_below(link, None if link is None or link[0] is None else module_path(link[0])[0])


def path_below(link: Any, above: str | None) -> tuple[str, str | None]:
    """The same, where the path of the module that called it is known; None if no module did."""
    if link is None:
        return "", None
    inner = link[1]
    kind = type(inner).__name__
    if above is None:
        return "", kind
    name = _name_in(link[0][1], inner)
    return f"{above}.{name}" if above and name else above or name, kind


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


Line = tuple[Any, str, int, str]  # code, its file's name (never its folder), number, text
MANY = 4096
# Lines of the user's code by its address and the place in it; with the code, so that no other can have that address.
lines: dict[tuple[int, int], Line] = {}


def user_line(frame: Any) -> tuple[Any, Line | None]:
    """The innermost frame of the user's code, from a frame on, and the line that it is at; None if there is none."""
    ours = _ours
    while frame is not None:
        code = id(frame.f_code)
        if code not in ours:
            known = lines.get((code, frame.f_lasti))
            if known is not None:
                return frame, known
            if not is_ours(frame):
                return frame, _line_at(frame)
        frame = frame.f_back
    return None, None


def _line_at(frame: Any) -> Line:
    """The line of the user's code that a frame is at; another time it is found in `lines`."""
    if len(lines) >= MANY:
        lines.clear()
    code, number = frame.f_code, frame.f_lineno
    text = linecache.getline(code.co_filename, number).strip()[:200]
    made = lines[id(code), frame.f_lasti] = code, short_name(code.co_filename), number, text
    return made


def calling_frame() -> Any:
    """The innermost frame outside the package; the outermost of all where there is none."""
    frame = outside(2)
    if frame is None:
        frame = sys._getframe(1)
        while frame.f_back is not None:
            frame = frame.f_back
    return frame


def variable_name(tensor: Tensor, frame: Any = None) -> str:
    """The name a tensor has in the user's running code, or an empty string. `frame`: that code's, where it is known."""
    frame, seen = frame or calling_frame(), None
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            if space is not seen and (name := _name_of(tensor, space)):
                return name
            seen = space
        back = frame.f_back
        frame = back if back is not None and _same_user(frame, back) else None
    return ""


def _name_of(tensor: Tensor, space: dict[str, Any]) -> str:
    """The first of these names that stands for the tensor and is no private one, or an empty string."""
    try:
        for name, value in space.items():
            if value is tensor and not name.startswith("_"):
                return str(name)
    except RuntimeError:  # another thread has just made a name
        return _name_of(tensor, dict(space))
    return ""


def _same_user(frame: Any, back: Any) -> bool:
    """Whether the calling frame is still the user's program (and not the notebook's or a test runner's machinery)."""
    same = back.f_code.co_filename == frame.f_code.co_filename
    return bool(same or back.f_globals.get("__name__") == "__main__")
