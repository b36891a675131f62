"""Padding and packing sequences of different lengths, against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

from .both import both, equal, plain

torch = pytest.importorskip("torch")


def parts(t: Any, *lengths: int, rest: tuple[int, ...] = (2,)) -> list[Any]:
    rng = np.random.RandomState(0)
    return [t.from_numpy(rng.randn(n, *rest)).requires_grad_() for n in lengths]


def padded(t: Any) -> Any:
    return t.arange(12.0).view(3, 2, 2)


def rnn(t: Any) -> Any:
    return t.nn.utils.rnn


def packed(t: Any, *lengths: int) -> Any:
    return rnn(t).pack_sequence(parts(t, *lengths), enforce_sorted=False)


CASES: list[Callable[[Any], Any]] = [
    lambda t: rnn(t).pack_padded_sequence(padded(t), [3, 2]),
    lambda t: rnn(t).pack_padded_sequence(padded(t), (2, 1)),
    lambda t: rnn(t).pack_padded_sequence(padded(t), t.tensor([2, 3]), enforce_sorted=False),
    lambda t: rnn(t).pack_padded_sequence(padded(t), t.tensor([2, 1, 2]), batch_first=True, enforce_sorted=False),
    lambda t: rnn(t).pack_padded_sequence(padded(t), t.tensor([2.0, 1.0])),
    lambda t: rnn(t).pack_padded_sequence(padded(t), [2, 3]),
    lambda t: rnn(t).pack_padded_sequence(padded(t), [3, 0]),
    lambda t: rnn(t).pack_padded_sequence(padded(t), [3]),
    lambda t: rnn(t).pack_padded_sequence(padded(t), t.tensor([[2, 1]])),
    lambda t: rnn(t).pack_padded_sequence(padded(t)[:0], [2, 1]),
    lambda t: rnn(t).pack_padded_sequence(padded(t)[0, 0], [2]),
    lambda t: rnn(t).pack_sequence(parts(t, 3, 2, 2, 1)),
    lambda t: rnn(t).pack_sequence(parts(t, 3, 1, rest=())),
    lambda t: rnn(t).pack_sequence(parts(t, 1, 2)),
    lambda t: rnn(t).pad_packed_sequence(packed(t, 2, 4, 1)),
    lambda t: rnn(t).pad_packed_sequence(packed(t, 2, 4, 1), batch_first=True, padding_value=7.0, total_length=6),
    lambda t: rnn(t).pad_packed_sequence(packed(t, 2, 4, 1), total_length=3),
    lambda t: rnn(t).unpack_sequence(packed(t, 2, 4, 1)),
    lambda t: rnn(t).pad_sequence(parts(t, 2, 4, 1)),
    lambda t: rnn(t).pad_sequence(parts(t, 2, 4, 1), batch_first=True, padding_value=-1.0),
    lambda t: rnn(t).pad_sequence(parts(t, 2, 4, 1), padding_side="left", padding_value=3),
    lambda t: rnn(t).pad_sequence(parts(t, 2, 4, 1, rest=()), True),
    lambda t: rnn(t).pad_sequence(t.ones(2, 3), True),
    lambda t: rnn(t).pad_sequence(x for x in parts(t, 2, 1)),
    lambda t: rnn(t).pad_sequence([t.ones(2), t.ones(3).long()]),
    lambda t: rnn(t).pad_sequence([]),
    lambda t: rnn(t).pad_sequence(3),
    lambda t: rnn(t).pad_sequence([t.tensor(1.0)]),
    lambda t: rnn(t).pad_sequence(parts(t, 2, 1), padding_side="up"),
    lambda t: rnn(t).pad_sequence([t.ones(2, 3), t.ones(1, 2)]),
    lambda t: rnn(t).unpad_sequence(padded(t), t.tensor([3, 1])),
    lambda t: rnn(t).unpad_sequence(padded(t), t.tensor([2, 1, 2]), batch_first=True),
    lambda t: rnn(t).invert_permutation(t.tensor([2, 0, 1])),
    lambda t: rnn(t).invert_permutation(None),
    lambda t: rnn(t).PackedSequence(t.ones(3), t.tensor([2, 1]), t.tensor([1, 0])),
    lambda t: rnn(t).PackedSequence((t.ones(3), t.tensor([2, 1]))),
    lambda t: rnn(t).PackedSequence(1),
    *(
        lambda t, name=name: getattr(packed(t, 2, 1), name)()
        for name in ("double", "float", "half", "long", "int", "short", "char", "byte", "cpu", "is_pinned")
    ),
    lambda t: packed(t, 2, 1).is_cuda,
    lambda t: packed(t, 2, 1).to(t.float32),
    lambda t: (p := packed(t, 2, 1)).to(t.float64) is p,
    lambda t: repr(rnn(t).pack_padded_sequence(padded(t), [2, 3], enforce_sorted=False)),
    lambda t: type(packed(t, 2, 1).float()).__mro__[2].__name__,
]


@pytest.mark.parametrize("program", CASES, ids=[str(i) for i in range(len(CASES))])
def test_same(program: Callable[[Any], Any]) -> None:
    both(program)


@pytest.mark.parametrize(
    "make",
    [
        lambda t, xs: rnn(t).pad_sequence(xs),
        lambda t, xs: rnn(t).pad_sequence(xs, True, padding_side="left"),
        lambda t, xs: rnn(t).pack_sequence(xs, enforce_sorted=False).data,
        lambda t, xs: rnn(t).pad_packed_sequence(rnn(t).pack_sequence(xs, enforce_sorted=False))[0],
        lambda t, xs: rnn(t).unpack_sequence(rnn(t).pack_sequence(xs, enforce_sorted=False))[1],
    ],
    ids=["pad", "pad left", "pack", "pad packed", "unpack"],
)
def test_gradients(make: Callable[[Any, Any], Any]) -> None:
    results = []
    for lib in (torch, gradviz):
        xs = parts(lib, 2, 4, 4, 1)
        out = make(lib, xs)
        (out * lib.arange(float(out.numel())).view(out.shape)).sum().backward()
        results.append(plain([out, [x.grad for x in xs], out.grad_fn.name()]))
    equal(results[1][:2], results[0][:2])
    if results[0][2] != "torch::autograd::CopySlices":
        assert results[1][2] == results[0][2]


def test_round_trip() -> None:
    xs = parts(gradviz, 3, 1, 4, 4)
    for x, again in zip(xs, rnn(gradviz).unpack_sequence(packed(gradviz, 3, 1, 4, 4)), strict=True):
        np.testing.assert_array_equal(again.detach(), x.detach())
    with pytest.raises(RuntimeError, match="only 3 steps"):
        rnn(gradviz).pack_padded_sequence(padded(gradviz), [4, 2])
