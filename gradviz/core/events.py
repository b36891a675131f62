"""What happens, told to whoever watches. With nobody watching the cost is one test of a flag.

Observers get live objects, after the fact; they may not keep them and cannot change the run. An observer that raises is
reported once and dropped. Who watches is context-local: a recorder on one thread does not hear another thread.

An observer is called with each event. One that has a table `hears` is called through that instead, which is quicker;
of what happens most often it may get the plain fields, which it should unpack.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple


class Forward(NamedTuple):
    """An operation produced `output` (a Tensor, or a tuple of them)."""

    op: Any
    inputs: tuple[Any, ...]
    output: Any
    settings: dict[str, Any]


class Inplace(NamedTuple):
    """`target` was written in place; `result` is the tensor computed aside, None where nothing was."""

    op: Any
    target: Any
    inputs: tuple[Any, ...]
    settings: dict[str, Any]
    result: Any = None


class Written(NamedTuple):
    """Stands where an op would be: values that depend on nothing recorded were written, by the method of this name.

    `aside`: past the graph, which knows nothing of it.
    """

    name: str
    aside: bool = False


class Rebased(NamedTuple):
    """Memory was written through a view: `target` (the memory's owner, or one of its views) is now `op` of `source`.

    `value` is what was written, None where the owner is only seen anew.
    """

    op: Any
    source: Any
    value: Any
    target: Any
    settings: dict[str, Any]


class Detached(NamedTuple):
    """`result` is the same memory as `source`, outside the graph."""

    source: Any
    result: Any


class Aside(NamedTuple):
    """`old` stands for `target` as it is now, just before something is written into it."""

    target: Any
    old: Any


class FunctionEnter(NamedTuple):
    """The forward of a user's autograd Function is about to run; a Forward follows when it has."""

    function: Any
    inputs: tuple[Any, ...]


class ModuleEnter(NamedTuple):
    """A module's forward is about to run."""

    module: Any
    inputs: Any


class ModuleExit(NamedTuple):
    """A module's forward has returned."""

    module: Any
    output: Any


class BackwardBegin(NamedTuple):
    """A backward pass is at its start."""

    session: Any


class BackwardStep(NamedTuple):
    """A node passed its gradient on; `messages` holds (edge, input name, product) per input reached."""

    session: Any
    node: Any
    grad: Any
    messages: tuple[tuple[Any, str, Any], ...]


class Accumulate(NamedTuple):
    """A gradient was added into `leaf.grad`; before and after are arrays or None."""

    session: Any
    leaf: Any
    before: Any
    after: Any


class Freed(NamedTuple):
    """A node gave up what it had kept for backward."""

    node: Any


class BackwardEnd(NamedTuple):
    """A backward pass has reached the end of its plan."""

    session: Any


class OptimizerStep(NamedTuple):
    """An optimiser changed one parameter; before and after are arrays."""

    optimizer: Any
    param: Any
    before: Any
    after: Any


class ZeroGrad(NamedTuple):
    """Gradients were cleared by an optimiser or a module."""

    owner: Any


Observer = Callable[[Any], None]


class Hears(dict[type, Callable[[Any, Any], None]]):
    """What an observer does about each class of events; about others nothing."""

    def __missing__(self, kind: type) -> Callable[[Any, Any], None]:
        return self.setdefault(kind, lambda observer, fields: None)


class _Everything(Hears):
    def __missing__(self, kind: type) -> Callable[[Any, Any], None]:
        return self.setdefault(kind, lambda observer, fields: observer(_event(kind, fields)))


def _event(kind: Any, fields: tuple[Any, ...]) -> Any:
    """The event of these fields, which may be one already."""
    return fields if fields.__class__ is kind else kind._make(fields)


_EVERYTHING = _Everything()
_observers: ContextVar[tuple[tuple[Observer, Hears], ...]] = ContextVar("observers", default=())
_lock = threading.Lock()
_count = 0
# True while anyone, in any context, watches: the one test a hot path makes.
watching = False


# The library's own listeners, in every context: they may change what they hear of, and raise.
_listeners: dict[Observer, int] = {}


def listen(listener: Observer) -> None:
    """Let a part of the library hear every event, until `unlisten` was called as often."""
    with _lock:
        _listeners[listener] = _listeners.get(listener, 0) + 1
    _change(1)


def unlisten(listener: Observer) -> None:
    """Take back one `listen`."""
    with _lock:
        _listeners[listener] -= 1
        if not _listeners[listener]:
            del _listeners[listener]
    _change(-1)


def emit(event: Any) -> None:
    """Tell the listeners, then every observer of this context."""
    tell(event.__class__, event)


def tell(kind: Any, fields: tuple[Any, ...]) -> None:
    """The same of an event of this kind, which nobody has to make where all that is heard are its fields."""
    if _listeners:
        fields = _event(kind, fields)
        for listener in tuple(_listeners):
            listener(fields)
    for observer, hears in _heard_by():
        try:
            hears[kind](observer, fields)
        except Exception as error:
            _drop(observer)
            warnings.warn(f"an observer raised {type(error).__name__}: {error}; it was dropped", stacklevel=2)


_heard_by = _observers.get


def observers() -> tuple[Observer, ...]:
    """Who watches in this context, the outermost first."""
    return tuple(observer for observer, _ in _heard_by())


def _drop(observer: Observer) -> None:
    _observers.set(tuple([pair for pair in _heard_by() if pair[0] is not observer]))


def watch(observer: Observer) -> None:
    """Let an observer hear every event of this context, until `unwatch`."""
    _change(1)
    hears: Any = getattr(observer, "hears", _EVERYTHING)
    _observers.set((*_heard_by(), (observer, hears)))


def unwatch(observer: Observer) -> None:
    """Take back one `watch`."""
    _drop(observer)
    _change(-1)


class observe:
    """`with observe(observer):` lets it hear every event of this context inside the block."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def __enter__(self) -> Observer:
        watch(self._observer)
        return self._observer

    def __exit__(self, *exc: object) -> None:
        unwatch(self._observer)


def _change(by: int) -> None:
    global _count, watching
    with _lock:
        _count += by
        watching = _count > 0
