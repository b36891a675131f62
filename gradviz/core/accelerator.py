"""The optional accelerator: small calls made by compiled code where `gradviz_accelerator` is installed.

It stands in front of a Python function and does the commonest case itself: plain tensors on the CPU, nobody watching.
Whatever else it meets it leaves to the function, which stays the one source of errors, promotion and exceptions.
Nothing here is needed: without it, or with GRADVIZ_ACCELERATOR=0, `in_front` and `door` return the function as it is.

    call   tensor, tensor ---> NumPy's own loop ---> Tensor, node          anything else ---> the Python function
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from . import events, inference
from .clock import clock
from .device import CPU
from .held import FLOATS, INTS, hold
from .mode import current_module, grad_mode
from .node import Node, Scalar, accumulator
from .tensor import Tensor

INTERFACE = 3  # of the calls below: another version of the accelerator may take others
NAME = "gradviz_accelerator"
MOST_INPUTS, MOST_SETTINGS = 4, 10  # of an operation whose calls it can make
NOTHING = Scalar(None)  # what a node keeps of an input that is None


def _load() -> tuple[Any, str]:
    """The accelerator's module and how it is used, in words; None where it is not."""
    if os.environ.get("GRADVIZ_ACCELERATOR") == "0":
        return None, "switched off by GRADVIZ_ACCELERATOR=0"
    try:
        module = importlib.import_module(NAME)
    except ModuleNotFoundError as error:
        if error.name == NAME:
            return None, "not installed"
        why = str(error)
    except ImportError as error:
        why = str(error)
    else:
        found = getattr(module, "INTERFACE", None)
        if found == INTERFACE:
            return module, "used"
        why = f"it has interface {found} and this gradviz asks for {INTERFACE}"
    warnings.warn(
        f"{NAME} is installed but not used: {why}. Everything works without it; to have it again, "
        "`pip install --force-reinstall ./accelerator` from the sources of this gradviz.",
        UserWarning,
        stacklevel=2,
    )
    return None, f"installed but not used: {why}"


_module, STATE = _load()
TYPES: tuple[type, ...] = () if _module is None else (_module.Call,)


def _known() -> Any:
    """Everything that the accelerator has to know of us."""
    umath = importlib.import_module("numpy._core.umath")
    errstate = getattr(umath, "_extobj_contextvar", None)  # private to NumPy: without it underflows take the long way
    usual = np.geterr()["under"] == "ignore" and errstate is not None
    return _module.Known(
        tensor=Tensor,
        node=Node,
        cpu=CPU,
        grad_mode=grad_mode,
        module_path=current_module,
        clock=clock,
        events=events.__dict__,
        inference=inference.__dict__,
        accumulator=accumulator,
        scalar=Scalar,
        floats=FLOATS,
        ints=INTS,
        nothing=NOTHING,
        hold=hold,
        wrap=CPU.wrap,
        errstate=errstate if usual else None,
        usual=errstate.get() if usual and errstate is not None else None,
    )


_knows = None if _module is None else _known()


def is_function(x: Any) -> bool:
    """Whether this is a plain function, or what stands in front of one."""
    return isinstance(x, (FunctionType, *TYPES))


def used() -> bool:
    """Whether calls are made by the accelerator now."""
    return _knows is not None and bool(_knows.enabled)


@contextmanager
def switched(on: bool) -> Iterator[None]:
    """`with switched(False):` makes all calls in Python, in every thread: for comparing the two ways."""
    before = used()
    if _knows is not None:
        _knows.enabled = on
    try:
        yield
    finally:
        if _knows is not None:
            _knows.enabled = before


# -- operations ----------------------------------------------------------------------------------------------------
def in_front(op: Any, call: Any, mark_view: Any = None) -> Any:
    """What is called instead of `call`, the function of an operation: the same where the accelerator knows none such.

    `mark_view(input, result)` says that they share memory; for operations whose result does.
    """
    large = len(op.inputs) > MOST_INPUTS or len(op.settings) > MOST_SETTINGS or len(op.node_settings) > 1
    if _knows is None or not op.simple or op.aux or large:
        return call
    count = len(op.inputs)
    loops = not op.view and (op.one_tensor or op.simple_call)
    shared = {
        "fallback": call,
        "forward": _in_our_frame(op, count if loops else 0),
        "op": op,
        "prepare": lambda mask: _prepared(op, mask),
        "inputs": count,
        "keeps_type": op.promote is not None,
    }
    if loops:
        made = _knows.call(
            **shared,
            same=op.promote == "float" or (count == 1 and op.keeps),
            differentiable=op.differentiable,
            elementwise=op.elementwise,
            tensors_only=op.numbers == "none",
        )
    else:
        made = _knows.any(
            **shared,
            settings=op.settings,
            defaults=op.forward.__kwdefaults__ or {},
            same=op.keeps,
            mark_view=mark_view if op.view else None,
        )
    op.overridden.append(lambda: _knows.refit(made, _in_our_frame(op, count if loops else 0)))
    return made


def _in_our_frame(op: Any, count: int) -> Any:
    """An op's forward, such that it warns of what it computes in a frame of ours, where it is silenced, or not at all.

    A ufunc of `count` inputs whose own loops are called does not; one called from compiled code would in the user's.
    """
    forward = CPU.forwards[op.name]
    if isinstance(forward, np.ufunc) and (forward.nin, forward.nout, forward.signature) == (count, 1, None):
        return forward
    inner = forward.func if isinstance(forward, functools.partial) else forward
    return forward if isinstance(inner, FunctionType) else lambda *arrays, **settings: forward(*arrays, **settings)


def _prepared(op: Any, mask: int) -> tuple[Any, ...]:
    """What its nodes are made of where the inputs in `mask` want a gradient, worked out at the first such call."""
    ruled = sum(has << i for i, has in enumerate(op.ruled))
    if not isinstance(op.node, str):
        (named_by,) = op.node_settings
        type_of = (lambda value: op.named_node(op.node(**{named_by: value}))), op.settings.index(named_by)
        return Node, Node, type_of, None, ruled, _letters(op, mask)
    push = op.push_alike if op.one_tensor or op.simple_call else None
    return op.node_type({}), op.node_type({}, True), None, push, ruled, _letters(op, mask)


def _letters(op: Any, mask: int) -> str:
    """What a node keeps, a letter for each value (see `keep` in nodes.h): found by letting the op keep letters."""
    inputs = [SimpleNamespace(letter=x, _array=SimpleNamespace(shape=x.upper())) for x in "abcd"[: len(op.inputs)]]
    settings = {name: str(i) for i, name in enumerate(op.settings)}
    kept = op.saver(mask)(*inputs, "o", settings, None)
    return "".join("n" if x is None else x if isinstance(x, str) else x.letter for x in kept)


# -- functions of NumPy --------------------------------------------------------------------------------------------
def loop(function: Any) -> Any:
    """A function of NumPy for code that uses what it returns, and gives up the input it names as the result's place."""
    return function if _knows is None or function.nin > 2 else _knows.loop(function)


def into(function: Any) -> Any:
    """A function of NumPy for code that names the array its result goes into: `multiply(a, b, out)`."""
    return function if _knows is None or function.nin > 2 else _knows.into(function)


# -- functions on arrays that NumPy has no single one for -----------------------------------------------------------
def on_arrays(name: str) -> Any:
    """The accelerator's function of this name, which returns None for arrays that it leaves alone; or one that does."""
    return _nothing if _knows is None else getattr(_knows, name)


def _nothing(*args: Any) -> None:
    """What there is without the accelerator."""


# -- functions that only ask something -----------------------------------------------------------------------------
def door(function: Any, behind: Any, *, closed: list[Any] | None = None, word: str | None = None) -> Any:
    """Straight to `behind` instead of by way of `function`.

    That calls it with what it is given, unless `closed` has something in it or the keyword `word` is given.
    """
    return function if _knows is None else _knows.door(fallback=function, behind=behind, closed=closed, word=word)
