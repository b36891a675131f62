"""Run by test_accelerator.py where the accelerator is: calls are as functions are, and nothing leaks or crashes."""

from __future__ import annotations

import contextvars
import copy
import enum
import functools
import gc
import inspect
import pickle
import pydoc
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import accelerator, events
from gradviz.core.device import CPU
from gradviz.core.op import OPS, override

from .outcome import same, taken

Call = accelerator.TYPES[0]


def rows(wants: bool = False) -> Any:
    return torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]], requires_grad=wants)


# -- they look like functions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["relu", "exp", "add", "matmul", "isnan", "where"])
def test_a_call_looks_like_its_function(name: str) -> None:
    f = getattr(torch, name)
    plain = inspect.unwrap(f)
    assert isinstance(f, Call)
    assert not isinstance(plain, Call)
    assert (f.__name__, f.__qualname__, f.__module__, f.__doc__) == tuple(
        getattr(f.__wrapped__, a) for a in ("__name__", "__qualname__", "__module__", "__doc__")
    )
    with accelerator.switched(False):
        assert inspect.signature(f) == inspect.signature(f.__wrapped__)
    assert str(inspect.signature(f)) in pydoc.render_doc(f)
    assert repr(f).startswith("<function ")
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is copy.copy(f) is f
    assert inspect.isroutine(f)
    assert weakref.ref(f)() is f
    assert hash(f) == hash(f)
    with pytest.raises(AttributeError, match="'function' object has no attribute 'nothing'"):
        f.nothing


def test_what_is_hung_on_a_call_hangs_on_its_function() -> None:
    f = torch.relu
    f.note = 1
    assert f.__wrapped__.note == 1
    del f.note
    assert not hasattr(f, "note")

    @functools.wraps(f)
    def around(input: Any) -> Any:
        return f(input) + 1

    assert around.__name__ == "relu"
    assert around(torch.ones(2)).tolist() == [2.0, 2.0]
    assert functools.partial(torch.add, torch.ones(2))(1).tolist() == [2.0, 2.0]


def test_methods_are_bound() -> None:
    x = rows()
    bound = x.exp
    assert bound.__self__ is x
    assert isinstance(bound.__func__, Call)
    assert bound().tolist() == torch.Tensor.exp(x).tolist() == torch.exp(x).tolist()
    assert torch.Tensor.__add__ is torch.Tensor.__add__
    assert "other" in inspect.signature(x.__add__).parameters
    assert next(map(torch.Tensor.neg, [x])).tolist() == (-x).tolist()

    class Layer:
        act = torch.relu  # as a function in a class body: a method

    with pytest.raises(TypeError):
        Layer().act(x)


# -- odd operands --------------------------------------------------------------------------------------------------
class Sub(torch.Tensor):
    """A subclass that changes nothing."""


class Other(torch.Tensor):
    """A subclass whose array is another than the one in the slot."""

    _hidden = np.full((2, 3), 7.0, np.float32)
    _array = property(lambda self: self._hidden)  # type: ignore[assignment]


class Watching(torch.Tensor):
    """A subclass that looks up its attributes itself, its array with another sign."""

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        return -found if name == "_array" else found


class Number(float):
    pass


class Two(enum.IntEnum):
    two = 2


def of_class(kind: type, array: Any = None) -> Any:
    made = object.__new__(kind)
    if kind is not Other:
        made._array = np.ones((2, 3), np.float32) if array is None else array
    made.device, made._edge, made._needs = CPU, None, False
    return made


ODD: dict[str, Callable[[], Any]] = {
    "a subclass": lambda: of_class(Sub),
    "a parameter": lambda: torch.nn.Parameter(rows()),
    "a buffer": lambda: torch.nn.Buffer(rows()),
    "a subclass with an array of its own": lambda: of_class(Other),
    "a subclass that looks": lambda: of_class(Watching),
    "another byte order": lambda: of_class(torch.Tensor, np.ones((2, 3), ">f4")),
    "out of step": lambda: of_class(torch.Tensor, np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3)),
    "a matrix": lambda: of_class(torch.Tensor, np.ones((2, 3), np.float32).view(np.matrix)),
    "masked": lambda: of_class(torch.Tensor, np.ma.masked_array(np.ones((2, 3), np.float32))),
    "a record": lambda: of_class(torch.Tensor, np.zeros(3, [("a", "f4")])),
    "objects": lambda: of_class(torch.Tensor, np.array([1, "x", None], object)),
    "text": lambda: of_class(torch.Tensor, np.array(["a"])),
    "a list": lambda: of_class(torch.Tensor, [1.0]),
    "a type with notes": lambda: of_class(torch.Tensor, np.ones((2, 3), np.dtype("f4", metadata={"a": 1}))),
    "read-only": lambda: of_class(torch.Tensor, np.broadcast_to(np.float32(1), (2, 3))),
    "a lazy parameter": lambda: torch.nn.LazyLinear(2).weight,
    "a float of a class of its own": lambda: Number(2.5),
    "an enumerated number": lambda: Two.two,
    "a number of NumPy": lambda: np.float32(2.5),
    "an array": lambda: np.ones((2, 3), np.float32),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("wants", [False, True])
def test_odd_operands(name: str, wants: bool) -> None:
    for call in (
        torch.add,
        torch.exp,
        OPS["mul"].call,
        torch.Tensor.__mul__,
        torch.mm,
        lambda a, *b: a + b[0] if b else -a,
    ):
        one = call is torch.exp
        same(lambda: (ODD[name](),), call, name)
        if not one:
            same(lambda: (rows(wants), ODD[name]()), call, name)
            same(lambda: (ODD[name](), rows(wants)), call, name)


@pytest.mark.parametrize("slot", ["_array", "device", "_edge", "_needs"])
def test_a_slot_that_is_empty(slot: str) -> None:
    def make() -> Any:
        x = rows(True)
        delattr(x, slot)
        return x, rows(True)

    for code in ("OPS['exp'].call(x)", "OPS['add'].call(x, y)", "OPS['add'].call(y, x)", "OPS['mul'].call(x, 2.0)"):
        errors = []
        for on in (False, True):
            x, y = make()
            with accelerator.switched(on), pytest.raises(AttributeError) as raised:
                eval(code, {"OPS": OPS, "x": x, "y": y})
            errors.append(str(raised.value))
        assert errors[0] == errors[1]


def test_a_needs_that_is_no_bool() -> None:
    x = rows()
    x._needs = 1
    assert (x + x).grad_fn is not None
    x._needs = 0
    assert (x + x).grad_fn is None


def test_a_subclass_that_changes_later() -> None:
    class Later(torch.Tensor):
        pass

    x = of_class(Later)
    assert (x + 1).tolist() == [[2.0] * 3] * 2
    Later._array = property(lambda self: np.zeros((2, 3), np.float32))  # type: ignore[assignment]
    assert (x + 1).tolist() == [[1.0] * 3] * 2
    del Later._array
    assert (x + 1).tolist() == [[2.0] * 3] * 2


# -- errors, observers, threads ------------------------------------------------------------------------------------
@pytest.mark.parametrize("problem", [KeyboardInterrupt, KeyError, MemoryError, RecursionError])
def test_what_a_forward_raises_comes_out(problem: type[BaseException]) -> None:
    def forward(*arrays: Any) -> Any:
        raise problem("from within")

    for name in ("add", "exp", "mm"):
        override(CPU, name, forward)
        try:
            with pytest.raises(problem, match="from within"):
                OPS[name].call(*[torch.ones(2, 2)] * len(OPS[name].inputs))
        finally:
            override(CPU, name, OPS[name].forward)


def test_errors_of_floating_point_are_raised_where_the_user_asks() -> None:
    x = torch.zeros(3)
    with np.errstate(all="raise"):
        for call in (lambda: x / x, lambda: torch.log(x), lambda: x.exp() * 3e38 * 3e38, lambda: (x + 1e-38) * 1e-10):
            with pytest.raises(FloatingPointError):
                call()
    assert torch.isnan(x / x).all()


def test_observers_may_compute() -> None:
    heard: list[Any] = []

    def observer(event: Any) -> None:
        if isinstance(event, events.Forward) and len(heard) < 20:
            heard.append(event.op.name)
            event.output + 1  # heard again, until there are enough

    x = rows()
    with events.observe(observer):
        before = taken()
        x * 2
        assert taken() == before
    assert heard == ["mul", *["add"] * 19]
    x * 2
    assert taken() == before + 1


def test_threads_and_contexts() -> None:
    x, w = rows(True), torch.full((200, 200), 1.5)
    wrong: list[Any] = []

    def work(grad: bool) -> None:
        with torch.set_grad_enabled(grad):
            for _ in range(300):
                if (x * 2.0).requires_grad is not grad or (x + x).requires_grad is not grad:
                    wrong.append(grad)
                if (w + w)._array[0, 0] != 3:  # large: without the lock
                    wrong.append("sum")

    threads = [threading.Thread(target=contextvars.copy_context().run, args=(work, i % 2 == 0)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(2000):
        x * float(i)  # held numbers come and go meanwhile
    for thread in threads:
        thread.join()
    assert not wrong


# -- memory --------------------------------------------------------------------------------------------------------
def programs() -> dict[str, Callable[[], Any]]:
    x, w, s = rows(True), rows(), torch.tensor(2.0, requires_grad=True)
    y = torch.ones(4, 3, requires_grad=True)
    return {
        "recorded": lambda: x * w + x,
        "both": lambda: x * x,
        "not recorded": lambda: w * w + w,
        "a number": lambda: (x * 2.0, w + 1),
        "one tensor": lambda: (x.exp(), w.exp(), x.relu()),
        "settings": lambda: (x.sum(dim=0), y.t(), x.mm(y.t()), torch.where(x > 0, x, w)),
        "left to Python": lambda: (x + s, w + w.double(), w / 0.0),
        "by door": lambda: (torch.exp(x), torch.add(x, w), torch.matmul(x, y.t())),
        "bound": lambda: (x.exp, torch.Tensor.exp, torch.exp.__name__),
        "backward": lambda: ((x * w + x).tanh() * 2.0).sum().backward(),
    }


COUNTED = [None, True, False, np.dtype(np.float32), CPU, torch.Tensor, (), 0.5, "push"]
CALLS = 6000  # one object lost in each is far more than what else goes on in the process


@pytest.mark.parametrize("name", programs())
def test_nothing_is_lost_or_freed_too_often(name: str) -> None:
    """Reference counts, memory and the collector's objects are after many calls what they were before."""
    program = programs()[name]
    for _ in range(1200):
        program()
    gc.collect()
    held = [*COUNTED, *(c.cell_contents for c in program.__closure__ or ())]
    counts, objects = [sys.getrefcount(o) for o in held], len(gc.get_objects())
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(CALLS):
            program()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 16 * CALLS
    assert len(gc.get_objects()) - objects < CALLS / 4
    after = [sys.getrefcount(o) for o in held]
    assert all(abs(a - b) < CALLS / 4 for a, b in zip(counts, after, strict=True)), list(
        zip(held, counts, after, strict=True)
    )


def test_graphs_die_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = rows(True)
        y = (x * x + x.exp()).relu()
        node, array = weakref.ref(y.grad_fn), weakref.ref(y._array)
        del y
        assert node() is None
        assert array() is None
    finally:
        gc.enable()


EXP: dict[str, Any] = {
    "forward": np.exp, "op": OPS["exp"], "prepare": lambda mask: (), "inputs": 1, "same": True, "differentiable": True,
    "elementwise": True, "keeps_type": True, "tensors_only": False,
}  # fmt: skip


def test_a_call_and_what_it_knows_can_be_collected() -> None:
    def made() -> tuple[Any, Any]:
        """A call, its function, a door and what they know of gradviz: all of them refer to one another."""
        known = accelerator._known()

        def function(x: Any) -> Any:
            return call, known

        call = known.call(fallback=function, **EXP)
        function.itself = call  # type: ignore[attr-defined]
        door = known.door(fallback=function, behind=call, closed=None, word="out")
        function.door = door  # type: ignore[attr-defined]
        assert door(torch.zeros(2)).tolist() == [1.0, 1.0]
        return weakref.ref(call), weakref.ref(door)

    gone = made()
    gc.collect()
    assert [g() for g in gone] == [None, None]


def test_a_call_is_made_of_the_right_things() -> None:
    known = accelerator._knows
    with pytest.raises(ValueError, match="3 inputs"):
        known.call(**{**EXP, "fallback": abs, "inputs": 3})
    with pytest.raises(TypeError):
        known.call(abs)
    with pytest.raises(TypeError):
        known.call(fallback=abs, **EXP)(rows(True))  # what `prepare` says is no description of nodes
    with pytest.raises(TypeError, match="closed by a list"):
        known.door(fallback=abs, behind=abs, closed=(), word=None)
    with pytest.raises(TypeError):
        Call()
    with pytest.raises(TypeError):
        type(known)()
    with pytest.raises(TypeError, match="has no slot _array"):
        accelerator._module.Known(**{**said_to_it(), "tensor": type("Odd", (), {"_array": 1})})


def said_to_it() -> dict[str, Any]:
    """What `_known` hands over."""
    said: dict[str, Any] = {}
    module = accelerator._module
    accelerator._module = type("Module", (), {"Known": staticmethod(lambda **given: said.update(given))})
    try:
        accelerator._known()
    finally:
        accelerator._module = module
    return said
