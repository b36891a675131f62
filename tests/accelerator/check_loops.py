"""Run by test_accelerator.py where the accelerator is: functions of NumPy do the same when it calls their loops."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import accelerator

Call = accelerator.TYPES[0]


# -- as backward passes call them ----------------------------------------------------------------------------------
ARRAYS: dict[str, Any] = {
    "few": np.linspace(-2, 2, 6, dtype=np.float32),
    "rows": np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3),
    "turned": np.linspace(-2, 2, 6, dtype=np.float32).reshape(3, 2).T,
    "extreme": np.array([0, -0.0, np.inf, np.nan, 3e38, 1e-45], np.float32),
    "doubles": np.linspace(-2, 2, 6),
    "integers": np.arange(6),
    "number": np.float32(2.5),
    "no dimensions": np.array(2.5, np.float32),
    "many": np.linspace(-2, 2, 5000, dtype=np.float32),
    "none": np.zeros(0, np.float32),
    "every other": np.linspace(-2, 2, 12, dtype=np.float32)[::2],
    "a list": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
}


@pytest.mark.parametrize("function", [np.add, np.multiply, np.true_divide, np.negative, np.exp, np.sqrt])
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("errors", ["ignore", "raise"])
def test_a_function_of_numpy(function: Any, name: str, errors: Any) -> None:
    quick = accelerator.loop(function)
    assert isinstance(quick, Call)
    for other in (name, "no dimensions", "few"):
        inputs = (ARRAYS[name], ARRAYS[other])[: function.nin]
        for place in ("none", "new", "first"):

            def made(f: Any) -> Any:
                given = [a.copy() if isinstance(a, np.ndarray) else a for a in inputs]  # noqa: B023
                out = given[0] if place == "first" else np.full(6, 9, np.float32)  # noqa: B023
                try:
                    with np.errstate(all=errors):
                        found = f(*given, *[out] * (place != "none"))  # noqa: B023
                except (FloatingPointError, TypeError, ValueError) as error:
                    return type(error), str(error)
                array = np.asarray(found)
                return type(found), array.dtype, array.shape, array.strides, array.tobytes()

            assert made(quick) == made(function), (other, place)


def test_a_function_of_numpy_leaves_what_it_was_given() -> None:
    a, b = np.ones(3, np.float32), np.ones(3, np.float32)
    found = accelerator.loop(np.add)(a, b, b)
    assert found is not b
    assert (a.tolist(), b.tolist(), found.tolist()) == ([1.0] * 3, [1.0] * 3, [2.0] * 3)
    with accelerator.switched(False):
        assert accelerator.loop(np.add)(a, b, b) is b
    with pytest.raises(TypeError):
        accelerator.loop(np.add)(a)
    with pytest.raises(TypeError):
        accelerator.loop(np.add)()
    assert accelerator.loop(np.add)(a, b, dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="no function of NumPy"):
        accelerator._knows.loop(abs)


# -- told where the result goes ------------------------------------------------------------------------------------
WHERE: dict[str, Callable[[Any], Any]] = {
    "elsewhere": lambda x: np.full_like(x, 9),
    "in the input": lambda x: x,
    "one further": lambda x: np.lib.stride_tricks.as_strided(x[1:], x.shape, x.strides, writeable=True),
    "every other": lambda x: np.full(2 * len(x), 9, x.dtype)[::2],
    "of doubles": lambda x: np.full(x.shape, 9, np.float64),
    "of another shape": lambda x: np.full((2, *x.shape), 9, x.dtype),
    "too small": lambda x: np.full(len(x) - 1, 9, x.dtype),
}


@pytest.mark.parametrize("function", [np.add, np.true_divide, np.subtract, np.tanh, np.exp, np.isnan])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i4", "c8"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("errors", ["ignore", "raise", "warn"])
def test_a_function_of_numpy_that_is_told_where_its_result_goes(
    function: Any, kind: str, where: str, errors: Any
) -> None:
    def made(f: Any, second: str) -> Any:
        memory = np.linspace(-3, 20, 41).astype(kind)  # of which the last is there to be written over
        memory[:3] = [0, 30, 100]  # exp overflows with floats of two bytes, then of four
        x = memory[:40]
        others = {"as many": memory[::-1][:40].copy(), "one": np.array(0, kind), "the same": x, "few": x[:1].copy()}
        out = WHERE[where](x)
        given = (x, others[second], out) if function.nin == 2 else (x, out)
        with np.errstate(all=errors), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                found = f(*given)
            except (FloatingPointError, TypeError, ValueError) as error:
                return type(error), str(error)
        return found is out, out.tobytes(), memory.tobytes(), [(str(w.message), w.filename) for w in warned]

    for second in ("as many", "one", "the same", "few")[: 4 if function.nin == 2 else 1]:
        assert made(accelerator.into(function), second) == made(function, second), second


def test_what_is_told_where_its_result_goes_refuses_as_numpy_does() -> None:
    a, still = np.ones(3, np.float32), np.ones(3, np.float32)
    still.flags.writeable = False
    quick = accelerator.into(np.add)
    with pytest.raises(ValueError, match="read-only"):
        quick(a, a, still)
    with pytest.raises(TypeError):
        quick(a)
    assert quick(a, 1.0, a) is a
    assert quick(a, a).tolist() == [4.0] * 3
    assert quick(a, a, out=a) is a
    with accelerator.switched(False):
        assert quick(a, still, a).tolist() == [5.0] * 3
    with pytest.raises(TypeError, match="no function of NumPy"):
        accelerator._knows.into(abs)


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sequence_is_the_same_both_ways(layer: str, dtype: Any) -> None:
    def run() -> list[bytes]:
        torch.manual_seed(0)
        net = getattr(torch.nn, layer)(5, 7, dtype=dtype)
        x = torch.randn(9, 4, 5, dtype=dtype, requires_grad=True)
        net(x)[0].square().sum().backward()
        return [p.grad.numpy().tobytes() for p in (x, *net.parameters())]

    with accelerator.switched(False):
        python = run()
    assert run() == python
