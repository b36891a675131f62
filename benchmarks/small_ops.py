"""Small operations: chains on 8 values and on matrices, recorded, under no_grad, and differentiated once and twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from .spec import Spec, Work, accelerated, both

STEPS = 100  # a chain is 2 * STEPS operations: y = y * w, y = y + x
SIZES = {"8 values": (8,), "64 x 64": (64, 64), "256 x 256": (256, 256)}


def given(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The chain's x and w."""
    return np.ones(shape, dtype=np.float32), np.full(shape, 1.0001, dtype=np.float32)


def chain(x: Any, w: Any) -> Any:
    """The chain itself, in any library whose tensors multiply and add."""
    y = x
    for _ in range(STEPS):
        y = y * w
        y = y + x
    return y


def _leaves(t: Any, shape: tuple[int, ...]) -> list[Any]:
    return [t.tensor(a, requires_grad=True) for a in given(shape)]


def recorded(t: Any, shape: Any) -> Work:
    x, w = _leaves(t, shape)
    return lambda: chain(x, w)


def without_grad(t: Any, shape: Any) -> Work:
    x, w = _leaves(t, shape)

    def run() -> None:
        with t.no_grad():
            chain(x, w)

    return run


def both_ways(t: Any, shape: Any) -> Work:
    x, w = _leaves(t, shape)

    def run() -> None:
        x.grad = w.grad = None
        chain(x, w).sum().backward()

    return run


def twice(t: Any, shape: Any) -> Work:
    x, w = _leaves(t, shape)

    def run() -> None:
        (g,) = t.autograd.grad(chain(x, w).sum(), w, create_graph=True)
        t.autograd.grad(g.sum(), w)

    return run


def with_numbers(t: Any, shape: Any) -> Work:
    x, _ = _leaves(t, shape)

    def run() -> None:
        x.grad = None
        y = x
        for _ in range(2 * STEPS):
            y = y * 1.0001
        y.sum().backward()

    return run


def many_kinds(t: Any, shape: Any) -> Work:
    """Twenty operations of twenty kinds: arithmetic, functions, reductions, shapes, indexing, a product of matrices."""
    rows = t.tensor(np.linspace(0.5, 1.5, int(np.prod(shape)), dtype=np.float32).reshape(-1, 8), requires_grad=True)
    m = t.tensor(np.full((8, 8), 0.1, dtype=np.float32), requires_grad=True)

    def run() -> None:
        rows.grad = m.grad = None
        a = (rows + 1.0) * rows - rows / 2.0
        b = (a**2).sqrt().exp().log().tanh()
        c = (b @ m).relu() + b.sigmoid()
        d = t.cat([c, b], dim=1).reshape(-1, 4).transpose(0, 1)
        e = t.where(d > 0, d, -d)[1:3]
        (e.max(dim=0).values.mean() + e.softmax(dim=1).sum()).backward()

    return run


def tiny(t: Any, shape: Any) -> Work:
    theta, target = t.tensor(0.0, requires_grad=True), t.tensor(2.0)

    def run() -> None:
        theta.grad = None
        ((theta - target) ** 2).backward()

    return run


# ------------------------------------------------------------------------------------------------------ other libraries


def numpy_forward(np_: Any, shape: Any) -> Work:
    x, w = given(shape)
    return lambda: chain(x, w)


def numpy_both(np_: Any, shape: Any) -> Work:
    """By hand: keep each y, then walk back."""
    x, w = given(shape)

    def run() -> None:
        y, kept = x, []
        for _ in range(STEPS):
            kept.append(y)
            y = y * w
            y = y + x
        y.sum()
        g = np.ones(shape, dtype=np.float32)
        of_x, of_w = np.zeros_like(x), np.zeros_like(w)
        for y in reversed(kept):
            of_x += g
            of_w += g * y
            g = g * w
        of_x += g

    return run


def hips_recorded(autograd: Any, shape: Any) -> Work:
    x, w = given(shape)
    return lambda: autograd.make_vjp(chain, (0, 1))(x, w)


def hips_both(autograd: Any, shape: Any) -> Work:
    x, w = given(shape)
    gradient = autograd.grad(lambda x, w: autograd.numpy.sum(chain(x, w)), (0, 1))
    return lambda: gradient(x, w)


def hips_twice(autograd: Any, shape: Any) -> Work:
    x, w = given(shape)
    sum = autograd.numpy.sum
    gradient = autograd.grad(lambda w: sum(chain(x, w)))
    second = autograd.grad(lambda w: sum(gradient(w)))
    return lambda: second(w)


def mygrad_recorded(mg: Any, shape: Any) -> Work:
    x, w = map(mg.tensor, given(shape))
    return lambda: chain(x, w)


def mygrad_without(mg: Any, shape: Any) -> Work:
    x, w = map(mg.tensor, given(shape))

    def run() -> None:
        with mg.no_autodiff:
            chain(x, w)

    return run


def mygrad_both(mg: Any, shape: Any) -> Work:
    x, w = map(mg.tensor, given(shape))
    return lambda: chain(x, w).sum().backward()


def _values(micrograd: Any, shape: Any) -> list[list[Any]]:
    from micrograd.engine import Value

    if len(shape) > 1:
        raise NotImplementedError("a node for every number")
    return [[Value(float(v)) for v in a] for a in given(shape)]


def micrograd_recorded(micrograd: Any, shape: Any) -> Work:
    xs, ws = _values(micrograd, shape)
    return lambda: [chain(x, w) for x, w in zip(xs, ws, strict=True)]


def micrograd_both(micrograd: Any, shape: Any) -> Work:
    xs, ws = _values(micrograd, shape)
    return lambda: sum(chain(x, w) for x, w in zip(xs, ws, strict=True)).backward()


def _tiny(tinygrad: Any, shape: Any) -> list[Any]:
    return [tinygrad.Tensor(a).realize() for a in given(shape)]


def tinygrad_forward(tinygrad: Any, shape: Any) -> Work:
    x, w = _tiny(tinygrad, shape)
    return lambda: chain(x, w).realize()


def tinygrad_both(tinygrad: Any, shape: Any) -> Work:
    x, w = _tiny(tinygrad, shape)
    return lambda: tinygrad.Tensor.realize(*chain(x, w).sum().gradient(x, w))


def tinygrad_twice(tinygrad: Any, shape: Any) -> Work:
    x, w = _tiny(tinygrad, shape)

    def run() -> None:
        (g,) = chain(x, w).sum().gradient(w)
        tinygrad.Tensor.realize(*g.sum().gradient(w))

    return run


def _operations(shape: Any) -> int:
    return 2 * STEPS


DISPATCH = "dispatch in Python: the NumPy call, a Tensor and a node for each operation"
SPECS = [
    Spec(
        "small op, recorded",
        SIZES,
        accelerated(both(recorded, autograd=hips_recorded, mygrad=mygrad_recorded, micrograd=micrograd_recorded)),
        per=_operations,
        limit=DISPATCH,
    ),
    Spec(
        "small op, no_grad",
        SIZES,
        accelerated(both(without_grad, numpy=numpy_forward, mygrad=mygrad_without, tinygrad=tinygrad_forward)),
        {"8 values": 0.55, "64 x 64": 0.55},
        _operations,
        DISPATCH,
    ),
    Spec(
        "small op, forward + backward",
        SIZES,
        accelerated(
            both(
                both_ways, numpy=numpy_both, autograd=hips_both, mygrad=mygrad_both, micrograd=micrograd_both,
                tinygrad=tinygrad_both,
            )
        ),
        {"8 values": 0.6, "64 x 64": 0.6},
        _operations,
        DISPATCH,
    ),
    Spec(
        "small op, double backward",
        SIZES,
        accelerated(both(twice, autograd=hips_twice, tinygrad=tinygrad_twice)),
        per=_operations,
        limit=DISPATCH,
    ),
    Spec(
        "small op with a Python number, forward + backward", SIZES, accelerated(both(with_numbers)), {"8 values": 0.6},
        _operations, DISPATCH,
    ),
    Spec(
        "20 kinds of small op, forward + backward", SIZES, accelerated(both(many_kinds)), {"8 values": 0.6},
        lambda shape: 27, DISPATCH,
    ),
    Spec("loss = (theta - y)**2, forward + backward", {"a number": ()}, accelerated(both(tiny)), limit=DISPATCH),
]  # fmt: skip
