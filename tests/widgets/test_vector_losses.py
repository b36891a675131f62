"""Results that are not one number: the steppers take the gradient that `y.backward(gradient)` would take."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, LiveStepper

GIVEN = [1.0, 10.0, -1.0]


def made() -> tuple[Any, Any, Any]:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    w = torch.tensor([0.5, 0.5, 2.0])
    return x, w, x * w + x


def arrives(view: Any) -> list[float]:
    """What the last leaf is given."""
    found: list[float] = [s for s in view.record["steps"] if s["kind"] == "accumulate"][-1]["after"]["data"]
    return found


def expected() -> list[float]:
    x, _, y = made()
    y.backward(torch.tensor(GIVEN))
    return [float(v) for v in x.grad]


@pytest.mark.parametrize("kind", ["tensor", "function", "tape"])
def test_the_gradient_is_where_it_begins(kind: str) -> None:
    x, w, y = made()
    with torch.record() as tape:
        z = x * w + x
    source = {"tensor": y, "function": lambda: x * w + x, "tape": tape}[kind]
    view = BackpropStepper(source, gradient=torch.tensor(GIVEN))
    assert arrives(view) == expected()
    first = next(step for step in view.record["steps"] if step["kind"] == "backward")
    assert first["grad"]["data"] == GIVEN
    assert x.grad is None
    z.backward(torch.tensor(GIVEN))  # the graph is as before


def test_finite_differences_take_it_too() -> None:
    view = BackpropStepper(made()[2], gradient=torch.tensor(GIVEN), check=True)
    assert {check.kind for check in view.checks} == {"ok"}


def test_the_live_pass_begins_with_it() -> None:
    x, _, y = made()
    with LiveStepper(y, gradient=torch.tensor(GIVEN)) as live:
        live.run()
        assert [float(v) for v in x.grad] == expected()


def test_what_cannot_be_taken() -> None:
    _, _, y = made()
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        BackpropStepper(y)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[2\]\)"):
        BackpropStepper(y, gradient=torch.ones(2))
    with pytest.raises(TypeError, match="gradients can be either Tensors or None, but got list"):
        BackpropStepper(y, gradient=GIVEN)
    with torch.record() as tape:
        kept = made()
    with pytest.raises(ValueError, match=r"has the shape of the one given, \(7,\)"):
        BackpropStepper(tape, gradient=torch.ones(7))
    with torch.record() as tape:
        kept[0].sum().backward()
    with pytest.raises(ValueError, match="went backward already"):
        BackpropStepper(tape, gradient=torch.tensor(1.0))


def test_real_pytorch() -> None:
    real = pytest.importorskip("torch")
    a = real.tensor([1.0, 2.0, 3.0], requires_grad=True)
    given = real.tensor(GIVEN)
    assert arrives(BackpropStepper(a * 2 + a, gradient=given)) == [3.0, 30.0, -3.0]
    assert arrives(BackpropStepper(a, gradient=given)) == GIVEN
    assert a.grad is None
    with pytest.raises(RuntimeError, match=r"gradient=torch\.ones_like"):
        BackpropStepper(a * 2)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        BackpropStepper(a * 2, gradient=real.ones(2))
