"""What registering a hook returns (torch.utils.hooks)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from gradviz.core.handle import RemovableHandle as RemovableHandle

Hook = TypeVar("Hook", bound=Callable[..., Any])


def register(
    hooks: OrderedDict[int, Any], hook: Any, *notes: tuple[bool, dict[int, bool]], prepend: bool = False
) -> Any:
    """Put a hook at the end of `hooks` (the front with `prepend`); each note `(wanted, dict)` is kept under its id."""
    handle = RemovableHandle(hooks, extra_dict=[where for _, where in notes])
    hooks[handle.id] = hook
    for wanted, where in notes:
        if wanted:
            where[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def unserializable_hook(f: Hook) -> Hook:
    """Mark a hook as one that is knowingly left out when its tensor is saved."""
    f.__torch_unserializable__ = True  # type: ignore[attr-defined]
    return f
