"""Infinities and NaN are values here, as in PyTorch: no operation lets NumPy's RuntimeWarnings out.

The engine silences warnings that come from its own code (core/dispatch.py) and leaves the learner's NumPy alone. So an
operation must not call a function of NumPy that is itself written in Python and warns from within: `sum`, `mean`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradviz as t

F = t.nn.functional
LARGE = 3e38  # next to the largest float32: its double and its square are infinite


def odd(*shape: int, value: float = LARGE) -> Any:
    """Numbers with one such value first and another of the other sign last."""
    array = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    flat = array.reshape(-1)
    flat[:2], flat[-2:] = value, -value
    return t.tensor(array, requires_grad=True)


PROGRAMS = [
    "x(5) + x(5)",
    "x(5) - x(5)",
    "x(5) * x(5)",
    "x(5) / x(5)",
    "x(5) ** 2.5",
    "x(5).exp()",
    "x(5).log()",
    "x(5).sqrt()",
    "x(5).sin()",
    "x(5).sum()",
    "x(5).mean()",
    "x(5).var()",
    "x(5, 5).std(1)",
    "x(5).prod()",
    "x(5).cumsum(0)",
    "x(5).cumprod(0)",
    "x(5).norm()",
    "x(5).norm(1)",
    "x(5).norm(3)",
    "x(5).nansum()",
    "x(5).logsumexp(0)",
    "x(5, 1) * x(5)",
    "x(5).half().float()",
    "x(5).int().float() * x(5)",
    "x(5, 5) @ x(5, 5)",
    "t.bmm(x(2, 5, 5), x(2, 5, 5))",
    "x(5) @ x(5)",
    't.einsum("ij,jk->ik", x(5, 5), x(5, 5))',
    "t.outer(x(5), x(5))",
    "F.linear(x(5, 5), x(5, 5), x(5))",
    "F.bilinear(x(4, 3), x(4, 3), x(2, 3, 3))",
    "t.cdist(x(3, 4), x(3, 4))",
    "F.conv1d(x(2, 3, 9), x(4, 3, 3))",
    "F.conv2d(x(2, 3, 9, 9), x(4, 3, 3, 3), x(4))",
    "F.conv2d(x(2, 4, 9, 9), x(4, 1, 3, 3), groups=4)",
    "F.conv2d(x(2, 3, 9, 9), x(4, 3, 3, 3), padding=1, stride=2)",
    "F.conv3d(x(1, 2, 5, 5, 5), x(2, 2, 3, 3, 3))",
    "F.conv_transpose2d(x(2, 3, 5, 5), x(3, 4, 3, 3))",
    "F.avg_pool2d(x(1, 1, 4, 4), 2)",
    "F.max_pool2d(x(1, 1, 4, 4), 2)",
    "F.softmax(x(5), 0)",
    "F.log_softmax(x(5), 0)",
    "F.gelu(x(5))",
    "F.relu(x(5))",
    "F.mse_loss(x(5), x(5))",
    "F.cross_entropy(x(3, 4), t.tensor([0, 1, 2]))",
    "F.batch_norm(x(4, 3, 5, 5), None, None, training=True)",
    "F.layer_norm(x(4, 5), (5,))",
    "F.group_norm(x(2, 4, 5), 2)",
    "F.unfold(x(1, 1, 4, 4), 2)",
    "F.fold(x(1, 4, 9), (4, 4), 2)",
    "F.scaled_dot_product_attention(x(1, 3, 4), x(1, 3, 4), x(1, 3, 4))",
    "t.nn.LSTM(3, 4)(x(2, 1, 3))[0]",
    'F.interpolate(x(1, 1, 4, 4), scale_factor=2, mode="bilinear")',
    "x(5).scatter_add(0, t.zeros(5, dtype=t.int64), x(5))",
    "(repr(x(5)), x(5) * 1)[1]",
]


@pytest.fixture(autouse=True)
def strict() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradviz\.")
        yield


@pytest.mark.parametrize("value", [float("inf"), float("nan"), LARGE])
@pytest.mark.parametrize("program", PROGRAMS)
def test_operations(program: str, value: float) -> None:
    out = eval(program, {"t": t, "F": F, "x": lambda *shape: odd(*shape, value=value)})
    out.backward(t.full_like(out, value if value == value else 1.0).detach())


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Rprop"])
def test_optimizers(name: str) -> None:
    p = odd(5, value=float("inf"))
    p.grad = odd(5).detach()
    optimizer = getattr(t.optim, name)([p], lr=0.1)
    for _ in range(2):
        optimizer.step()


def test_records() -> None:
    with t.record() as tape:
        (odd(100) * odd(100)).sum().backward()
    assert len(tape.recording.nodes) == 4


def test_the_learners_own_numpy_still_warns() -> None:
    with pytest.raises(RuntimeWarning, match="overflow"):
        np.float32(LARGE) * np.float32(LARGE)
