"""What registering a hook returns (torch.utils.hooks)."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from gradviz.core.node import Handle

Hook = TypeVar("Hook", bound=Callable[..., Any])


class RemovableHandle(Handle):
    """Takes a hook away again: `remove()`, or the end of a `with` block.

    `extra_dict` (a dict or a list of them) holds notes about the hook under the same id, removed with it.
    """

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = Handle._next
        Handle._next += 1
        notes = [] if extra_dict is None else [extra_dict] if isinstance(extra_dict, dict) else list(extra_dict)
        self._dicts = tuple(weakref.ref(d) for d in (hooks_dict, *notes))

    def remove(self) -> None:
        """Take the hook away; doing it twice is harmless."""
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[int, list[Any]]:
        return self.id, [reference() for reference in self._dicts]

    def __setstate__(self, state: tuple[int, list[Any]]) -> None:
        self.id, dicts = state
        Handle._next = max(Handle._next, self.id + 1)
        self._dicts = tuple(weakref.ref(OrderedDict() if d is None else d) for d in dicts)


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
