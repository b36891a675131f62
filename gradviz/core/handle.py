"""What registering a hook returns."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Any, ClassVar, Self


class RemovableHandle:
    """Takes a hook away again: `remove()`, or the end of a `with` block.

    `extra_dict` (a dict or a list of them) holds notes about the hook under the same id, removed with it.
    """

    next_id: ClassVar[int] = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        notes = [] if extra_dict is None else [extra_dict] if isinstance(extra_dict, dict) else list(extra_dict)
        self._dicts = tuple(weakref.ref(d) for d in (hooks_dict, *notes))

    def remove(self) -> None:
        """Take the hook away; doing it twice is harmless."""
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __getstate__(self) -> tuple[int, list[Any]]:
        return self.id, [reference() for reference in self._dicts]

    def __setstate__(self, state: tuple[int, list[Any]]) -> None:
        self.id, dicts = state
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)
        self._dicts = tuple(weakref.ref(OrderedDict() if d is None else d) for d in dicts)


class Hooks(dict):  # type: ignore[type-arg]
    """Hooks by the id of their handle, in the order they were registered."""

    __slots__ = ("__weakref__",)


def add_hook(owner: Any, slot: str, hook: Any) -> RemovableHandle:
    """Register a hook in `owner.<slot>`, a dict made when first needed."""
    hooks = getattr(owner, slot)
    if hooks is None:
        hooks = Hooks()
        setattr(owner, slot, hooks)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
