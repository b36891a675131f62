"""What runs before and after the step of an optimiser."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any

from gradviz.utils.hooks import RemovableHandle, register

Hook = Callable[..., Any]
_before_all: OrderedDict[int, Hook] = OrderedDict()
_after_all: OrderedDict[int, Hook] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before the step of every optimiser."""
    return register(_before_all, hook)  # type: ignore[no-any-return]


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after the step of every optimiser."""
    return register(_after_all, hook)  # type: ignore[no-any-return]


def hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step with the hooks around it."""

    @wraps(step)
    def call(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        self._opt_called = True
        if not (self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks or _before_all or _after_all):
            return step(*args, **kwargs)
        for hook in (*_before_all.values(), *self._optimizer_step_pre_hooks.values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"<function {type(self).__qualname__}.step at {id(step):#x}> must return None or a tuple of "
                        f"(new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        result = step(*args, **kwargs)
        for hook in (*self._optimizer_step_post_hooks.values(), *_after_all.values()):
            hook(self, args, kwargs)
        return result

    return call
