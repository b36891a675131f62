"""What lessons 01 and 02 say is true of the real PyTorch, and so are the answers that their checks accept."""

# ruff: noqa: E402
from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the facts are not compared with it")
pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build, source
from gradviz.teach.check import checks_module
from gradviz.teach.course import lesson
from gradviz.widgets.tensors.broadcasting import Broadcasting
from tests.notebooks.run_plain import run_cell

pytestmark = pytest.mark.oracle


def solved(id: str) -> dict[str, Any]:
    """The names that the solutions of a lesson make, run with the real torch."""
    names: dict[str, Any] = {"torch": torch}
    for text in source.solutions(lesson(id)).values():
        run_cell(text, names)
    return names


def functions_of(id: str) -> dict[str, Any]:
    """The functions that a lesson's cells define, as the real torch runs them."""
    names: dict[str, Any] = {"torch": torch}
    for cell in build.load(lesson(id).notebook).cells:
        if cell.cell_type == "code" and cell.source.startswith("def "):
            run_cell(cell.source, names)
    return names


def sizes(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return tuple((torch.zeros(p) + torch.zeros(q)).shape)
    except RuntimeError:
        return None


def test_facts_of_lesson_01() -> None:
    made = solved("01")
    checks = checks_module("01")
    assert (made["column"] + made["row"]).tolist() == checks.TARGET
    assert made["shapes"] == [sizes(p, q) for p, q in checks.PAIRS.values()]
    t = torch.arange(12).view(3, 4)
    shares = {name: eval(name, {"t": t}).untyped_storage().data_ptr() for name in made["answer"]}
    assert {name: at == t.untyped_storage().data_ptr() for name, at in shares.items()} == made["answer"]
    for i in range(3):  # offset + i * stride_0 + j * stride_1
        for j in range(4):
            assert t.T.storage_offset() + j * t.T.stride(0) + i * t.T.stride(1) == t[i, j]
    with pytest.raises(RuntimeError, match="must match") as caught:
        torch.zeros(3, 2) + torch.zeros(3)
    assert str(caught.value) == Broadcasting((3, 2), (3,)).error


def test_facts_of_lesson_02() -> None:
    names = functions_of("02")
    for start, rounds in ((3.0, 3), (2.9, 3), (1.0, 5), (25.0, 0)):
        x = torch.tensor(start, requires_grad=True)
        y = names["double"](x)
        assert len(names["nodes"](y)) == rounds
        (slope,) = torch.autograd.grad(y, x)
        assert slope.item() == 2**rounds
    for start, slope in ((2.0, 5.0), (0.5, 2.0), (-2.0, 0.1)):
        x = torch.tensor(start, requires_grad=True)
        names["gate"](x, torch.tensor(1.0)).backward()
        assert x.grad.item() == pytest.approx(slope)
    made = solved("02")
    x = torch.tensor(2.0, requires_grad=True)
    assert len(names["nodes"](made["power"](x, 6))) == 6
    order = names["nodes"](made["walk"](torch.tensor(made["start"], requires_grad=True)))
    assert order == ["AddBackward0", "AddBackward0", "MulBackward0"]
    a = torch.ones(2, requires_grad=True)
    b = a * 3
    d = torch.ones(2) + 1
    real = [a, b, b.detach(), d, d + a, torch.zeros(2).requires_grad_()]
    assert [t.is_leaf for t in real] == [made[name] for name in "abcdef"]
