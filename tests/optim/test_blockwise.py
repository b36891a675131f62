"""A large parameter, changed block by block, becomes what it becomes when it is changed as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.optim import blockwise
from tests.optim.runs import CASES, label, numbers

ELEMENTWISE = [(name, options) for name, options in CASES if name not in ("Adafactor", "Muon")]
SHAPE = (7, 41)  # in blocks of 32: nine, the last of them shorter


def after(name: str, options: dict[str, Any], dtype: str = "float32", turned: bool = False) -> list[np.ndarray]:
    """The parameter and its state after four steps."""
    value = gradviz.tensor(numbers(SHAPE, 0, dtype), dtype=getattr(gradviz, dtype))
    param = (value.t().contiguous().t() if turned else value).requires_grad_()
    optimizer = getattr(gradviz.optim, name)([param], **options)
    for step in range(4):
        param.grad = gradviz.tensor(numbers(SHAPE, step + 1, dtype), dtype=param.dtype)
        optimizer.step()
    made = [param.detach(), *(x for x in optimizer.state[param].values() if isinstance(x, gradviz.Tensor))]
    return [(x.float() if x.dtype is gradviz.bfloat16 else x).numpy() for x in made]


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Blocks of 32 numbers, and the sizes of the blocks that were changed."""
    for limit, value in (("BLOCK", 32), ("LARGE", 64)):
        monkeypatch.setattr(blockwise, limit, value)
    monkeypatch.setattr("gradviz.optim.update.SMALL", 8)  # where rounding is exact, the whole is another computation
    sizes: list[int] = []
    update = blockwise.update

    def noted(change: Any, *rest: Any) -> None:
        update(lambda p, *others: (sizes.append(p.size), change(p, *others))[1], *rest)

    monkeypatch.setattr(blockwise, "update", noted)
    return sizes


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
@pytest.mark.parametrize(("name", "options"), ELEMENTWISE, ids=label)
def test_blocks_are_the_whole(
    name: str, options: dict[str, Any], dtype: str, blocks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = after(name, options, dtype)
    parts = 2 if dtype == "complex64" else 1
    each = -(-7 * 41 * parts // 32)
    assert sorted(blocks) == sorted(4 * [7 * 41 * parts - 32 * (each - 1)] + 4 * (each - 1) * [32])
    monkeypatch.setattr(blockwise, "LARGE", 1 << 60)
    for a, b in zip(found, after(name, options, dtype), strict=True):
        assert a.tobytes() == b.tobytes()


def test_memory_in_another_order_is_changed_as_a_whole(
    blocks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    found = after("Adam", {}, turned=True)
    assert blocks == []
    monkeypatch.setattr(blockwise, "LARGE", 1 << 60)
    for a, b in zip(found, after("Adam", {}), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_a_rule_raises_is_raised(blocks: list[int]) -> None:
    class Broken(gradviz.optim.SGD):
        def _rule(self, *args: Any) -> None:
            raise ValueError("no such step")

    param = gradviz.ones(SHAPE, requires_grad=True)
    param.grad = gradviz.ones(SHAPE)
    with pytest.raises(ValueError, match="no such step"):
        Broken([param], lr=0.1).step()
