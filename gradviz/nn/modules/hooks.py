"""Hooks around a Module's forward: registering them, for one module or for all, and the call that runs them."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor
from gradviz.utils.hooks import RemovableHandle, register

from .backward_hooks import BackwardHook
from .state import State

Hook = Callable[..., Any]


class Everywhere:
    """The hooks registered for all modules."""

    forward_pre: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    forward: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    with_kwargs: ClassVar[dict[int, bool]] = OrderedDict()
    always: ClassVar[dict[int, bool]] = OrderedDict()
    backward_pre: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    backward: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    buffer: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    module: ClassVar[OrderedDict[int, Hook]] = OrderedDict()
    parameter: ClassVar[OrderedDict[int, Hook]] = OrderedDict()


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module; what it returns replaces the arguments."""
    return register(Everywhere.forward_pre, hook)  # type: ignore[no-any-return]


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module; what it returns replaces the output."""
    notes = ((with_kwargs, Everywhere.with_kwargs), (always_call, Everywhere.always))
    return register(Everywhere.forward, hook, *notes)  # type: ignore[no-any-return]


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` when gradients arrive at the outputs of any module."""
    return register(Everywhere.backward_pre, hook)  # type: ignore[no-any-return]


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs of any module are known."""
    return register(Everywhere.backward, hook)  # type: ignore[no-any-return]


def _no_such_hook(name: str, instead: str) -> Exception:
    return noted(
        NotImplementedError(
            f"{name}() is not supported: it misses gradients in modules of several operations\nUse {instead}(hook)."
        )
    )


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """Not supported; use `register_module_full_backward_hook`."""
    raise _no_such_hook("register_module_backward_hook", "register_module_full_backward_hook")


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when a buffer is registered; what it returns replaces the buffer."""
    return register(Everywhere.buffer, hook)  # type: ignore[no-any-return]


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when a submodule is registered; what it returns replaces it."""
    return register(Everywhere.module, hook)  # type: ignore[no-any-return]


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when a parameter is registered; what it returns replaces it."""
    return register(Everywhere.parameter, hook)  # type: ignore[no-any-return]


class Hooks(State):
    """The hooked half of Module."""

    forward: Callable[..., Any]
    _backward_hooks: OrderedDict[int, Hook]
    _backward_pre_hooks: OrderedDict[int, Hook]
    _forward_hooks: OrderedDict[int, Hook]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns replaces the positional arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)` and returns a pair. `prepend` puts it before the others.
        """
        note = (with_kwargs, self._forward_pre_hooks_with_kwargs)
        return register(self._forward_pre_hooks, hook, note, prepend=prepend)  # type: ignore[no-any-return]

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`; `always_call` runs it even if forward raised.
        """
        notes = (with_kwargs, self._forward_hooks_with_kwargs), (always_call, self._forward_hooks_always_called)
        return register(self._forward_hooks, hook, *notes, prepend=prepend)  # type: ignore[no-any-return]

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when gradients arrive at the outputs; what it returns replaces them."""
        return register(self._backward_pre_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the inputs' gradients are known."""
        return register(self._backward_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Not supported; use `register_full_backward_hook`."""
        raise _no_such_hook("register_backward_hook", "register_full_backward_hook")

    # -- the call that runs them -----------------------------------------------------------------------------------
    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        run = _Run(self, args, kwargs)
        try:
            return run.all()
        except Exception:
            run.remaining()
            raise


class _Run:
    """One call of a module with hooks."""

    def __init__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result: Any = None
        self.ran: set[int] = set()

    def all(self) -> Any:
        module = self.module
        self._pre()
        backward = [*Everywhere.backward.values(), *module._backward_hooks.values()]
        backward_pre = [*Everywhere.backward_pre.values(), *module._backward_pre_hooks.values()]
        both = BackwardHook(module, backward, backward_pre) if backward or backward_pre else None
        if both is not None:
            self.args = both.enter(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for id, hook in (*Everywhere.forward.items(), *module._forward_hooks.items()):
            self.ran.add(id)
            self._post(id, hook)
        if both is not None:
            if not isinstance(self.result, (Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                    f" but received {type(self.result)}",
                    stacklevel=4,
                )
            self.result = both.leave(self.result)
        return self.result

    def _pre(self) -> None:
        module = self.module
        for id, hook in (*Everywhere.forward_pre.items(), *module._forward_pre_hooks.items()):
            if id in module._forward_pre_hooks_with_kwargs:
                changed = hook(module, self.args, self.kwargs)
                if changed is None:
                    continue
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                self.args, self.kwargs = changed
            else:
                changed = hook(module, self.args)
                if changed is not None:
                    self.args = changed if isinstance(changed, tuple) else (changed,)

    def _post(self, id: int, hook: Hook) -> None:
        module = self.module
        if id in module._forward_hooks_with_kwargs or id in Everywhere.with_kwargs:
            changed = hook(module, self.args, self.kwargs, self.result)
        else:
            changed = hook(module, self.args, self.result)
        if changed is not None:
            self.result = changed

    def remaining(self) -> None:
        """After an error: the hooks that are always called and have not run yet; their own errors are only reported."""
        module = self.module
        for id, hook in (*Everywhere.forward.items(), *module._forward_hooks.items()):
            if id in self.ran or not (id in module._forward_hooks_always_called or id in Everywhere.always):
                continue
            try:
                self._post(id, hook)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception "
                    f"that was silenced as another error was raised in forward: {error}",
                    stacklevel=4,
                )
