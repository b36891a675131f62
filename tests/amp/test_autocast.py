"""`autocast` as a block: nesting, the cache of casts, threads, own Functions, the graph; torch's CPU build is the oracle."""

# ruff: noqa: E501, ARG004, B007  (tables; Functions take a ctx; `t` is read by eval)

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.autocast import ON, hooked

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.oracle


def graph(node: Any) -> Any:
    """A node's name and those of what it came from."""
    return None if node is None else (type(node).__name__, [graph(n) for n, _ in node.next_functions])


def linear(t: Any) -> Any:
    made = t.nn.Linear(3, 2)
    with t.no_grad():
        for p in made.parameters():
            p.copy_(t.linspace(-1, 1, p.numel()).view(p.shape))
    return made


def nesting(t: Any) -> Any:
    x, seen = t.ones(2, 2), []

    def note() -> None:
        seen.append([str((x @ x).dtype), t.is_autocast_enabled("cpu"), str(t.get_autocast_dtype("cpu"))])

    note()
    with t.autocast("cpu", dtype=t.float16):
        note()
        with t.autocast("cpu", enabled=False):
            note()
            with t.autocast("cpu", dtype=t.bfloat16):
                note()
            note()
        note()
        with t.autocast("cpu"):
            note()
    note()
    return seen


def exceptions(t: Any) -> Any:
    try:
        with t.autocast("cpu"):
            raise ValueError
    except ValueError:
        return t.is_autocast_enabled("cpu")


def decorated(t: Any) -> Any:
    @t.autocast("cpu", dtype=t.bfloat16)
    def product(x: Any, *, twice: bool = False) -> Any:
        return str((x @ x).dtype), twice

    return product(t.ones(2, 2), twice=True), product.__name__, t.is_autocast_enabled("cpu")


def spellings(t: Any) -> Any:
    x = t.ones(2, 2)
    with t.autocast("cpu"):
        out = t.empty(2, 2)
        return [str(y.dtype) for y in (
            x @ x, x.matmul(x), t.matmul(x, x), x.mm(x), t.mm(x, x, out=out), x.clone().addmm_(x, x), x + x, x.sum(),
            t.nn.functional.linear(x, x), t.nn.Linear(2, 2)(x), x.double() @ x.double(), t.cat([x, x.bfloat16()]),
        )]  # fmt: skip


def graphs(t: Any) -> Any:
    m, x = linear(t), t.ones(4, 3, requires_grad=True)
    conv = t.nn.Conv2d(1, 2, 2)
    with t.autocast("cpu", dtype=t.bfloat16):
        y = m(x)
        loss = t.nn.functional.mse_loss(y, t.zeros(4, 2))
        both = t.cat([y, x.mm(x.t())[:, :2]])
        return [graph(v.grad_fn) for v in (
            y, loss, x @ x.t(), both, conv(t.ones(1, 1, 4, 4)).relu(), t.nn.functional.cross_entropy(y, t.tensor([0, 1, 0, 1])),
            t.nn.functional.linear(x[None], m.weight), x[0].prod(), t.einsum("ij,kj->ik", x, m.weight),
        )]  # fmt: skip


def cache(t: Any) -> Any:
    """Which calls share one cast of a weight, seen by which graphs share a node."""
    m, x, made = linear(t), t.ones(4, 3), []

    def cast_of(y: Any) -> Any:
        return y.grad_fn.next_functions[2][0].next_functions[0][0]

    for options in ({}, {"cache_enabled": False}):
        with t.autocast("cpu", **options):
            a, b = m(x), m(x)
            with t.autocast("cpu"):
                c = m(x)
            made += [cast_of(a) is cast_of(b), cast_of(a) is cast_of(c), t.is_autocast_cache_enabled()]
            t.clear_autocast_cache()
            made.append(cast_of(m(x)) is cast_of(a))
        with t.autocast("cpu"):
            made.append(cast_of(m(x)) is cast_of(a))
    with t.autocast("cpu"):
        with t.no_grad():
            m(x)
        made.append(m(x).grad_fn is None)  # casts made without a graph are not kept
    return made


def gradients(t: Any) -> Any:
    m, x = linear(t), t.ones(4, 3, requires_grad=True)
    with t.autocast("cpu", dtype=t.bfloat16):
        loss = t.nn.functional.mse_loss(m(x).relu(), t.ones(4, 2)) + m(x).float().sum()
    loss.backward()
    return [
        str(loss.dtype),
        loss.item(),
        *(g for p in (x, *m.parameters()) for g in (str(p.grad.dtype), p.grad.tolist())),
    ]


def custom(t: Any) -> Any:
    seen = []

    class Plain(t.autograd.Function):
        @staticmethod
        @t.amp.custom_fwd(device_type="cpu")
        def forward(ctx: Any, a: Any, b: Any) -> Any:
            ctx.save_for_backward(a, b)
            seen.append(("forward", str(a.dtype), t.is_autocast_enabled("cpu")))
            return a.mm(b)

        @staticmethod
        @t.amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Any) -> Any:
            a, b = ctx.saved_tensors
            seen.append(("backward", str(g.dtype), t.is_autocast_enabled("cpu"), str(g.mm(b.t()).dtype)))
            return g.mm(b.t()).float(), a.t().mm(g).float()

    class Wide(t.autograd.Function):
        @staticmethod
        @t.amp.custom_fwd(device_type="cpu", cast_inputs=t.float32)
        def forward(ctx: Any, a: Any, more: Any) -> Any:
            seen.append(
                ("cast", str(a.dtype), str(more["b"][0].dtype), str(more["n"].dtype), t.is_autocast_enabled("cpu"))
            )
            return a * 2

        @staticmethod
        @t.amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(("cast back", str(g.dtype), t.is_autocast_enabled("cpu")))
            return g * 2, None

    a, b = (t.ones(2, 2, requires_grad=True) for _ in range(2))
    more = {"b": [t.ones(1).bfloat16()], "n": t.ones(1).long()}
    for inside in (True, False):
        with t.autocast("cpu", enabled=inside, dtype=t.bfloat16):
            y, z = Plain.apply(a, b), Wide.apply(a, more)
        (y.float().sum() + z.float().sum()).backward()
        seen.append((str(y.dtype), str(z.dtype)))
    return seen


def switches(t: Any) -> Any:
    made = [t.is_autocast_enabled(), t.is_autocast_enabled("cuda"), t.amp.is_autocast_available("cpu")]
    made += [str(t.get_autocast_dtype(d)) for d in ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "maia", "xla", "ipu")]
    t.set_autocast_dtype("cpu", t.float16)
    t.set_autocast_enabled("cpu", True)
    made += [str((t.ones(2, 2) @ t.ones(2, 2)).dtype), t.is_autocast_enabled("cpu")]
    t.set_autocast_enabled("cpu", False)
    t.set_autocast_dtype("cpu", t.bfloat16)
    t.set_autocast_enabled(True)
    made.append(t.is_autocast_enabled())
    t.set_autocast_enabled(False)
    made += [t.autocast_increment_nesting(), t.autocast_increment_nesting(), t.autocast_decrement_nesting()]
    t.autocast_decrement_nesting()
    t.set_autocast_cache_enabled(False)
    made.append(t.is_autocast_cache_enabled())
    t.set_autocast_cache_enabled(True)
    a = t.autocast("cpu", dtype=t.float16)
    return [*made, a.device, str(a.fast_dtype), str((t.ones(2, 2) @ t.ones(2, 2)).dtype)]


PROGRAMS = (nesting, exceptions, decorated, spellings, graphs, cache, custom, switches)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_as_in_torch(program: Callable[[Any], Any]) -> None:
    assert program(gradviz) == program(torch)
    assert not ON


def test_values_and_gradients_are_those_of_the_casts() -> None:
    """Rounded as torch rounds: to one step of bfloat16 where sums are added in another order, else equal."""
    for got, want in zip(gradients(gradviz), gradients(torch), strict=True):
        if isinstance(want, str):
            assert got == want
        else:
            np.testing.assert_allclose(got, want, rtol=2**-8, atol=2**-8)


ERRORS = (
    "t.autocast(3)", "t.autocast('meta')", "t.autocast('meta', dtype=t.float16)", "t.autocast('foo')",
    "t.amp.is_autocast_available('foo')", "t.is_autocast_enabled('foo')", "t.is_autocast_enabled('meta')",
    "t.get_autocast_dtype('meta')", "t.autocast('cpu')(3)", "t.amp.custom_fwd(device_type=3)", "t.amp.custom_bwd(device_type=3)",
)  # fmt: skip


@pytest.mark.parametrize("call", ERRORS)
def test_errors_are_torchs(call: str) -> None:
    found = []
    for t in (gradviz, torch):
        with pytest.raises(Exception) as raised:
            eval(call)
        found.append((raised.type.__name__, str(raised.value).partition("\n")[0]))
    assert found[0] == found[1]


def test_two_lower_types_in_one_block() -> None:
    """torch keeps one cast of a weight and fails here; ours are kept for each type."""
    m, x = linear(gradviz), gradviz.ones(4, 3)
    with gradviz.autocast("cpu", dtype=gradviz.bfloat16):
        m(x)
        with gradviz.autocast("cpu", dtype=gradviz.float16):
            assert m(x).dtype is gradviz.float16


def test_another_thread_is_not_cast() -> None:
    """Settings are those of the context: a widget's message on another thread does not meet a cell's autocast."""
    x, seen = gradviz.ones(2, 2), []
    with gradviz.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
        assert (x @ x).dtype is gradviz.bfloat16
    assert seen == [gradviz.float32]


def test_one_object_entered_inside_itself() -> None:
    """torch forgets here that autocast was off; a decorated function that calls itself must leave it off."""

    @gradviz.autocast("cpu")
    def count(n: int) -> Any:
        return count(n - 1) if n else (gradviz.ones(2, 2) @ gradviz.ones(2, 2)).dtype

    assert count(3) is gradviz.bfloat16
    assert not gradviz.is_autocast_enabled("cpu")
    assert not ON


def test_what_is_on_no_list_is_left_alone() -> None:
    """The door is a fact of declaration: functions without a policy are not wrapped at all."""

    def plain() -> None: ...

    assert hooked("relu", plain) is plain
    assert hooked("matmul", plain) is not plain
    assert not hasattr(gradviz.Tensor.relu, "uncast")
    assert not hasattr(gradviz.Tensor.__add__, "uncast")


def test_deterministic_recordings() -> None:
    """A recording made under autocast shows the casts, and is the same each time."""
    m, x = linear(gradviz), gradviz.ones(4, 3)

    def made() -> Any:
        with gradviz.record() as r, gradviz.autocast("cpu"):
            m(x).sum()
        found = r.recording.to_json()
        assert "bfloat16" in json.dumps(found)
        return found

    assert made() == made()
