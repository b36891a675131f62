"""The real PyTorch runs the lessons word for word and prints what the notebooks print; facts in the prose are true."""

# ruff: noqa: E402
from __future__ import annotations

import math
import re
from typing import Any, Self

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the lessons are not compared with it")
pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz import widgets
from gradviz.teach import build, source
from gradviz.teach.course import Lesson, lessons
from tests.notebooks.run_plain import run_cell

pytestmark = pytest.mark.oracle
LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
OURS = re.compile(r"^from gradviz\S* import .*$", re.MULTILINE)
SHOWN = ("check", "overview", "predict", "watch", "fork", *(name for name in dir(widgets) if name[0].isupper()))


class StandIn:
    """In the place of a check, a prediction or a view: takes anything, and shows nothing."""

    def __call__(self, *args: Any, **kwargs: Any) -> Self:
        return self

    def __getattr__(self, name: str) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None


@LESSONS
def test_torch_prints_the_same(lesson: Lesson) -> None:
    names: dict[str, Any] = {"__name__": "__main__", **dict.fromkeys(SHOWN, StandIn())}
    compared = 0
    for cell in build.load(lesson.notebook).cells:
        if cell.cell_type != "code":
            continue
        if "Trainer" in cell.source and "import" not in cell.source:
            break  # what follows was trained by a panel, which is ours alone
        printed, value = run_cell(OURS.sub("", cell.source.replace("import gradviz as torch", "import torch")), names)
        ours = "".join(it.text for it in cell.outputs if it.output_type == "stream")
        assert printed == ours, cell.source
        if isinstance(value, StandIn):
            continue
        if value is not None:
            assert repr(value) == cell.outputs[-1].data["text/plain"], cell.source
        compared += bool(printed) or value is not None
    assert compared >= 3


@LESSONS
def test_the_closing_block_is_pytorch_and_prints_what_the_lesson_printed(lesson: Lesson) -> None:
    notebook = build.load(lesson.notebook)
    text = lesson.source.read_text(encoding="utf-8")
    block = re.search(r"## In PyTorch this is \.\.\.\n.*?```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    printed, _ = run_cell(block.group(1), {"__name__": "__main__"})
    said = [
        "".join(it.text for it in cell.outputs if it.output_type == "stream")
        for cell in notebook.cells
        if "outputs" in cell
    ]
    assert printed in said
    bodies = "\n".join(cell.source for cell in source.read(lesson).cells if cell.cell_type == "code")
    for line in block.group(1).splitlines():
        assert line in bodies or line == "import torch", line


def grad(fn: Any, at: float, dtype: Any = torch.float64) -> float:
    x = torch.tensor(at, dtype=dtype, requires_grad=True)
    fn(x).backward()
    return float(x.grad)


def sgd(fn: Any, start: Any, lr: float, steps: int, clear: bool = True) -> list[list[float]]:
    point = [torch.tensor(float(value), dtype=torch.float64, requires_grad=True) for value in start]
    stepper = torch.optim.SGD(point, lr=lr)
    seen = [[p.item() for p in point]]
    for _ in range(steps):
        if clear:
            stepper.zero_grad()
        fn(*point).backward()
        stepper.step()
        seen.append([p.item() for p in point])
    return seen


def bowl(theta: Any) -> Any:
    return (theta - 2) ** 2


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y


def askew(x: Any, y: Any) -> Any:
    return 1.5 * x * x + x * y + 0.25 * y * y


def test_facts_of_lesson_00() -> None:
    assert grad(lambda x: x * x, 3.0) == 6
    assert grad(lambda t: t * t * t, 2.0) == 12
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (torch.tensor([1.0, 2.0, 3.0], requires_grad=True) ** 2).backward()


def test_facts_of_lesson_03() -> None:
    assert grad(lambda x: (2 * x) * (3 * x), 1.0) == 12
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (2 * x + 3).mean().backward()
    assert x.grad.tolist() == pytest.approx([2 / 3] * 3)
    assert grad(lambda x: x * torch.sin(x) + x, 2.0) == pytest.approx(2 * math.cos(2) + math.sin(2) + 1)
    for f1 in (-1.0, 0.5, 2.0):  # the local factor of tanh
        assert grad(torch.tanh, f1) == pytest.approx(1 - math.tanh(f1) ** 2)


def test_facts_of_lesson_05() -> None:
    seen = [theta for (theta,) in sgd(bowl, [0], 0.01, 400)]
    first = next(k for k, theta in enumerate(seen) if abs(theta - 2) < 0.01)
    assert first == 263
    assert 2 * 0.98**263 < 0.01 <= 2 * 0.98**262
    assert [theta for (theta,) in sgd(bowl, [0], 1.0, 4)] == [0, 4, 0, 4, 0]
    assert sgd(bowl, [0], 0.5, 1)[1] == [2]
    for eta in (0.1, 0.4, 0.6, 0.9, 1.1):  # the error is multiplied by 1 - 2 eta
        a, b = sgd(bowl, [0], eta, 1)
        assert (b[0] - 2) / (a[0] - 2) == pytest.approx(1 - 2 * eta)
    x, y = (torch.tensor(v, requires_grad=True) for v in (-4.0, 2.0))
    valley(x, y).backward()
    assert (x.grad.item(), y.grad.item()) == (-4, 8)
    a, b = sgd(valley, [-4, 2], 0.1, 1)
    assert [b[0] / a[0], b[1] / a[1]] == pytest.approx([1 - 0.1, 1 - 0.4])


@pytest.mark.parametrize(("fn", "limit"), [(bowl, 1.0), (valley, 0.5), (askew, 0.596876)])
def test_two_over_the_curvature_is_the_limit(fn: Any, limit: float) -> None:
    count = 1 if fn is bowl else 2
    at = tuple(torch.ones(count, dtype=torch.float64))
    hessian = torch.tensor(torch.autograd.functional.hessian(fn, at)).reshape(count, count)
    assert 2 / float(torch.linalg.eigvalsh(hessian)[-1]) == pytest.approx(limit, rel=1e-4)
    goal = [2.0] if count == 1 else [0.0, 0.0]
    for factor, closer in ((0.99, True), (1.01, False)):
        seen = sgd(fn, [1.0] * count, limit * factor, 3000)
        assert (math.dist(seen[-1], goal) < math.dist(seen[0], goal)) is closer


def test_without_zero_grad_it_swings_for_ever() -> None:
    theta = [t for (t,) in sgd(bowl, [0], 0.1, 2000, clear=False)]
    assert max(theta[-50:]) == pytest.approx(4, abs=0.05)
    assert min(theta[-50:]) == pytest.approx(0, abs=0.05)
