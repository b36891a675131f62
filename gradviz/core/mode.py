"""What holds for the code that is running now: is it recorded, and inside which modules.

Both are context-local, because JupyterLab may deliver a widget's message on another thread while a cell runs.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, TypeVar

grad_mode: ContextVar[bool] = ContextVar("grad_mode", default=True)
inference: ContextVar[bool] = ContextVar("inference", default=False)
# A chain of links (outer link or None, module): the modules whose forward is running, innermost first.
current_module: ContextVar[tuple[Any, Any] | None] = ContextVar("current_module", default=None)

Callee = TypeVar("Callee", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether operations are being recorded for backward."""
    return grad_mode.get()


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on."""
    return inference.get()


class _Mode:
    """A setting of grad mode usable as a context manager and as a decorator, nested as deep as one likes."""

    value = True

    def __init__(self) -> None:
        self._tokens: list[Token[bool]] = []

    def __enter__(self) -> None:
        self._tokens.append(grad_mode.set(self.value))

    def __exit__(self, *exc: object) -> None:
        grad_mode.reset(self._tokens.pop())

    def clone(self) -> _Mode:
        return type(self)()

    def __call__(self, function: Callee) -> Callee:
        made: Callee = _decorated(self.clone, function)
        return made


def _decorated(clone: Callable[[], Any], function: Any) -> Any:
    """A function that runs inside a fresh copy of the mode; a generator does so between its yields only."""
    import inspect

    if inspect.isclass(function):
        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
            "functions or methods. To preserve the current behavior of class decoration, you can directly decorate the "
            "`__init__` method and nothing else.",
            FutureWarning,
            stacklevel=3,
        )
        return functools.wraps(function, updated=())(lambda *args, **kwargs: _inside(clone, function, args, kwargs))
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            try:
                item = _inside(clone, next, (generator,), {})
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        _inside(clone, generator.close, (), {})
                        raise
                    except BaseException as error:
                        item = _inside(clone, generator.throw, (error,), {})
                    else:
                        item = _inside(clone, generator.send, (sent,), {})
            except StopIteration as end:
                return end.value

        return steps

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with clone():
            return function(*args, **kwargs)

    return run


def _inside(clone: Callable[[], Any], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with clone():
        return function(*args, **kwargs)


class no_grad(_Mode):
    """Turns recording off: what is computed inside needs no gradient.

    Use it as `with no_grad():` or as a decorator. https://docs.pytorch.org/docs/2.13/generated/torch.no_grad.html
    """

    value = False

    def __new__(cls, orig_func: Callable[..., Any] | None = None) -> Any:
        mode = super().__new__(cls)
        if orig_func is None:
            return mode
        mode.__init__()  # type: ignore[misc]
        return mode(orig_func)


class enable_grad(no_grad):
    """Turns recording on, inside `no_grad` too."""

    value = True


class set_grad_enabled(_Mode):
    """Turns recording on or off: at once, and until the end of the `with` block when used as one."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.value = self.mode = bool(mode)
        self._before = grad_mode.get()
        grad_mode.set(self.value)

    def __enter__(self) -> None:
        grad_mode.set(self.value)

    def __exit__(self, *exc: object) -> None:
        grad_mode.set(self._before)

    def __call__(self, function: Callee) -> Callee:
        grad_mode.set(self._before)
        return super().__call__(function)

    def clone(self) -> _Mode:
        return type(self)(self.mode)


class inference_mode(_Mode):
    """Like `no_grad`, for code that will never need gradients. `mode=False` leaves recording on."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode
        self._saved: list[tuple[Token[bool], Token[bool]]] = []

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.__init__(True)  # type: ignore[misc]
        return made(mode)

    def __enter__(self) -> None:
        self._saved.append((grad_mode.set(not self.mode), inference.set(self.mode)))
        if self.mode:
            from .inference import Inference

            Inference.begin()

    def __exit__(self, *exc: object) -> None:
        grad, infer = self._saved.pop()
        grad_mode.reset(grad)
        inference.reset(infer)
        if self.mode:
            from .inference import Inference

            Inference.end()

    def clone(self) -> _Mode:
        return type(self)(self.mode)


def is_inference(input: Any) -> bool:
    """Whether a tensor was made inside `inference_mode`."""
    return bool(input._inference)


class set_multithreading_enabled(_Mode):
    """Accepted and without effect: a backward pass runs on the thread that asked for it."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def clone(self) -> _Mode:
        return type(self)(self.mode)
