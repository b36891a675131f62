"""Run by test_accelerator.py where the accelerator is: functions of NumPy do the same when it calls their loops."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import accelerator
from gradviz.core.device import CPU

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


# -- relu, backward ------------------------------------------------------------------------------------------------
SPECIAL = np.array([0, -0.0, 1, np.inf, -np.inf, np.nan, 1e-45, -1.5], np.float32)


def of(found: Any) -> Any:
    return None if found is None else (found.dtype, found.shape, found.strides, found.flags.owndata, found.tobytes())


@pytest.mark.parametrize("count", [0, 1, 3, 64, 300, 20000])
@pytest.mark.parametrize("kind", ["f4", "f8", "f2"])
def test_the_gradient_of_relu(count: int, kind: str) -> None:
    y, s = (np.resize(a, count).astype(kind) for a in (SPECIAL, np.repeat(SPECIAL, len(SPECIAL))))
    pairs = (
        (y, s),
        (y.reshape(1, -1), s.reshape(1, -1)),
        (y, s[:1]),
        (y, s[::-1]),
        (np.broadcast_to(y[:1], y.shape), s),
    )
    for pair in pairs:
        if count or pair[1] is s:
            found = CPU.forwards["relu_input"](*pair)
            with accelerator.switched(False):
                assert of(CPU.forwards["relu_input"](*pair)) == of(found)


def test_the_gradient_of_relu_is_compiled_where_it_can_be() -> None:
    back = accelerator.on_arrays("relu_back")
    y, s = SPECIAL, SPECIAL[::-1].copy()
    assert back(y, s).tobytes() == np.where(s != 0, y, np.float32(0)).tobytes()
    assert back(y.reshape(2, 4), s.reshape(2, 4)).shape == (2, 4)
    for given in ((y, s.reshape(2, 4)), (y[::2], s[::2]), (y.astype("f8"), s), (y, s.astype(">f4")), (y.tolist(), s)):
        assert back(*given) is None
    with accelerator.switched(False):
        assert back(y, s) is None


# -- pooling -------------------------------------------------------------------------------------------------------
def pictures(kind: str, *shape: int) -> Any:
    """Of whole numbers, so that many are equal, or as `kind` says."""
    x = np.random.default_rng(shape).integers(-3, 4, shape).astype(np.float32)
    if kind == "special":
        x[..., 0, :] = np.resize([np.nan, -np.inf, 1, np.inf, np.nan, -np.inf], x.shape[-1])
        x[..., -1, :] = -np.inf
    if kind == "channels last" and x.ndim == 4:
        return x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    if kind == "turned":
        return x.swapaxes(-1, -2)
    return x.astype({"doubles": np.float64, "integers": np.int64}.get(kind, np.float32))


KINDS = ("single", "special", "doubles", "integers", "turned", "channels last")
SHAPES = (
    (2, 3, 8, 8),
    (1, 2, 7, 9),
    (4, 6, 28, 28),
    (3, 2, 2),
    (1, 1, 2, 2),
    (2, 3, 4, 300),
    (0, 3, 4, 4),
    (2, 1, 520, 520),
)
WINDOWS: tuple[dict[str, Any], ...] = (
    {"kernel_size": 2},
    {"kernel_size": 2, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1},
    {"kernel_size": 2, "padding": 1},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": (2, 1)},
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", WINDOWS)
def test_max_pooling(kind: str, shape: Any, options: Any) -> None:
    def made() -> list[Any]:
        x = torch.from_numpy(pictures(kind, *shape))
        x.requires_grad_(x.dtype.is_floating_point)
        out, indices = torch.nn.functional.max_pool2d(x, **options, return_indices=True)
        if x.requires_grad:
            (out * torch.arange(1.0, out.numel() + 1, dtype=x.dtype).view(out.shape)).sum().backward()
        arrays = [a.detach().numpy() for a in (out, indices, *([x.grad] if x.requires_grad else []))]
        return [(a.dtype, a.shape, a.strides, a.tobytes()) for a in arrays]

    with accelerator.switched(False):
        python = made()
    assert made() == python


def test_max_pooling_is_compiled_where_it_can_be() -> None:
    pool, back = accelerator.on_arrays("pool_2x2"), accelerator.on_arrays("pool_back")
    x = pictures("single", 2, 3, 8, 8)
    out, indices = pool(x)
    shape = x.shape
    assert np.array_equal(out, x.reshape(2, 3, 4, 2, 4, 2).max((3, 5)))
    assert np.array_equal(x.reshape(2, 3, -1)[0, 0][indices[0, 0]], out[0, 0])
    g = np.full(out.shape, -0.0, np.float32)
    for overlap in (False, True):
        made = back(g, indices, shape, overlap)
        assert np.signbit(made).sum() == (0 if overlap else g.size)
    assert np.array_equal(back(out, np.zeros_like(indices), shape, True)[..., 0, 0], out.sum((2, 3)))
    for left in (x.astype(np.float64), x[..., ::2], x[0, 0], x.tolist(), x[..., :1], x.astype(">f4")):
        assert pool(left) is None
    beyond = indices.copy()
    for wrong in (64, -1, 2**62):
        beyond[1, 2, 3, 3] = wrong
        assert back(out, beyond, shape, False) is None
    for given in (
        (out.astype(np.float64), indices, shape), (out, indices.astype(np.int32), shape), (out[0], indices, shape),
        (out, indices, (2, 3, 8)), (out, indices, (2, 4, 8, 8)), (out, indices, (2, 3, "8", 8)),
        (out, indices, list(shape)), (out, indices, (2, 3, -8, 8)), (out[..., ::2], indices[..., ::2], shape),
    ):  # fmt: skip
        assert back(*given, False) is None
    with pytest.raises(TypeError, match="2 arguments, not 1"):
        pool(x, x)
    with accelerator.switched(False):
        assert pool(x) is None


def test_an_index_that_was_changed_is_refused_both_ways() -> None:
    def said() -> str:
        x = torch.ones(1, 1, 4, 4, requires_grad=True)
        out, indices = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
        indices.numpy()[...] = 99
        with pytest.raises(IndexError) as error:
            out.sum().backward()
        return str(error.value)

    with accelerator.switched(False):
        python = said()
    assert said() == python
