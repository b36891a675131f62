"""Checks of lesson 09: a ReLU that is right everywhere in a graph, and a sign that lets the gradient through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise

Function = torch.autograd.Function
POINTS = [-3.0, -1.4, -0.6, 0.3, 0.8, 2.5]


def leaf(values: list[float], grad: bool = True) -> Any:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def is_function(answer: Any) -> None:
    """A class with the two methods."""
    if answer is ...:
        raise Unfinished("Put your class in place of the `...`.")
    if not (isinstance(answer, type) and issubclass(answer, Function)):
        what = "a class that is not a Function" if isinstance(answer, type) else f"a {type(answer).__name__}"
        raise Wrong(f"The answer should be a class that derives from Function; this is {what}.")
    for method in ("forward", "backward"):
        if not any(method in vars(kind) for kind in answer.__mro__ if kind not in Function.__mro__):
            raise Wrong(f"It has no {method} of its own.")


def tried(what: str, work: Callable[[], Any]) -> Any:
    """Run something of the learner's; an error of theirs is named, not thrown."""
    try:
        return work()
    except Wrong:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        raise Wrong(f"{what} it raised {type(error).__name__}: {text[0] if text else 'no text'}") from error


def forward_is(answer: Any, want: Callable[[Any], Any], name: str) -> None:
    """The values, and an input that is left alone."""
    x = leaf([*POINTS, 0.0], grad=False)
    kept = x.tolist()
    got = tried("In forward", lambda: answer.apply(x))
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"forward should return a tensor; it returned a {type(got).__name__}.")
    if x.tolist() != kept:
        msg = "forward has changed its input. Compute a new tensor."
        raise Wrong(msg)
    if got.dtype != x.dtype or tuple(got.shape) != tuple(x.shape):
        msg = f"forward turned {x.dtype} of shape {tuple(x.shape)} into {got.dtype} of shape {tuple(got.shape)}."
        raise Wrong(msg)
    off = (got != want(x)).nonzero()
    if len(off):
        k = int(off[0, 0])
        raise Wrong(f"{name} of {kept[k]:g} is not {got[k].item():g}.")


def gradient(
    answer: Any, loss: Callable[[Callable[[Any], Any], Any], Any], values: list[float], when: str
) -> list[float]:
    """x.grad for a loss that uses the Function."""
    x = leaf(values)
    tried(f"Going backward {when},", lambda: loss(answer.apply, x).backward())
    if x.grad is None:
        raise Wrong(f"No gradient arrived {when}. What does backward return?")
    return list(x.grad.tolist())


def same(got: list[float], want: list[float]) -> bool:
    """To nine digits."""
    return all(abs(a - b) <= 1e-9 * max(1.0, abs(b)) for a, b in zip(got, want, strict=True))


def backward_is(answer: Any, local: Callable[[float], float], value: Callable[[float], float]) -> None:
    """Local derivative, upstream, sign, fan-out, an input without gradient."""
    slopes = [local(v) for v in POINTS]
    plain = gradient(answer, lambda f, x: f(x).sum(), POINTS, "from the sum")
    k = next((k for k, (a, b) in enumerate(zip(plain, slopes, strict=True)) if a != b), None)
    if k is not None:
        raise Wrong(f"At x = {POINTS[k]:g} the gradient of the sum is not {plain[k]:g}.")
    factors = [2.0, -3.0, 0.5, 4.0, -1.5, 7.0]
    after = gradient(answer, lambda f, x: (f(x) * leaf(factors, False)).sum(), POINTS, "with something after it")
    if same(after, slopes):
        msg = "With something after it the gradient stays the same: backward forgets what comes from above."
        raise Wrong(msg)
    if not same(after, [a * b for a, b in zip(factors, slopes, strict=True)]):
        msg = "With something after it the gradient is not upstream times local."
        raise Wrong(msg)
    fan = gradient(answer, lambda f, x: (f(x) * f(x) + x * f(x) + f(3 * x)).sum(), POINTS, "with fan-out")
    want = [(2 * value(v) + v) * s + value(v) + 3 * local(3 * v) for v, s in zip(POINTS, slopes, strict=True)]
    if not same(fan, want):
        msg = "Alone it is right, but with fan-out it is not. Does one call disturb what another has kept?"
        raise Wrong(msg)
    data = leaf(POINTS, False)
    w = leaf([1.5])
    out = tried("With an input that needs no gradient", lambda: answer.apply(data))
    if out.requires_grad:
        msg = "The result requires a gradient although the input does not."
        raise Wrong(msg)
    tried("With an input that needs no gradient", lambda: (w * out).sum().backward())


@exercise(
    "09.1",
    "MyReLU",
    hints=[
        "`class MyReLU(Function):` with two static methods; the input must be saved for backward.",
        "`x > 0` is 1 where the gradient passes and 0 where it does not.",
    ],
)
def my_relu(answer: Any) -> str:
    """Values, gradients by gradcheck with fan-out, the corner, an input without gradient."""
    is_function(answer)
    forward_is(answer, lambda x: torch.relu(x), "relu")
    backward_is(answer, lambda v: float(v > 0), lambda v: max(v, 0.0))
    corner = gradient(answer, lambda f, x: f(x).sum(), [0.0], "at 0")[0]
    if corner != 0:
        raise Wrong(f"At 0 the slope should be 0, as in PyTorch; it is {corner:g}.")
    x = leaf(POINTS)
    if not torch.autograd.gradcheck(
        lambda v: answer.apply(v) * answer.apply(1 - v * 2).sin(), (x,), raise_exception=False
    ):
        msg = "gradcheck disagrees when it is called twice. Does one call overwrite what another has kept?"
        raise Wrong(msg)
    return "gradcheck agrees: alone, with fan-out and with something after it; without a gradient it stays quiet."


@exercise(
    "09.2",
    "Straight through",
    hints=[
        "Only backward differs from that of MyReLU: for which x does the gradient pass?",
        "`x.abs() <= 1` is 1 in the middle and 0 outside; multiply the upstream gradient by it.",
    ],
)
def straight(answer: Any) -> str:
    """Forward is sign; backward is that of a clamp to [-1, 1], whose own gradient gradcheck confirms."""
    is_function(answer)
    forward_is(answer, lambda x: x.sign(), "sign")
    plain = gradient(answer, lambda f, x: f(x).sum(), POINTS, "from the sum")
    if not any(plain):
        msg = "No gradient passes anywhere: that is the true slope of sign, and with it nothing is learned."
        raise Wrong(msg)
    if all(v == 1 for v in plain):
        msg = "The gradient passes everywhere. It should stop where x is larger than 1 in size."
        raise Wrong(msg)
    backward_is(answer, lambda v: float(abs(v) <= 1), lambda v: float((v > 0) - (v < 0)))
    if gradient(answer, lambda f, x: f(x).sum(), [-1.0, 1.0], "at the edge") != [1.0, 1.0]:
        msg = "At -1 and at 1 the gradient should still pass."
        raise Wrong(msg)
    x = leaf(POINTS)

    def stand_in(v: Any) -> Any:  # the function whose slope the estimator uses
        soft = torch.clamp(v, -1.0, 1.0)
        return (soft * leaf([2.0, -3.0, 0.5, 4.0, -1.5, 7.0], False)).sum()

    if not torch.autograd.gradcheck(stand_in, (x,)):
        msg = "The check itself is broken."
        raise Wrong(msg)
    want = torch.autograd.grad(stand_in(x), x)[0].tolist()
    got = gradient(answer, lambda f, x: (f(x) * leaf([2.0, -3.0, 0.5, 4.0, -1.5, 7.0], False)).sum(), POINTS, "")
    if not same(got, want):
        msg = "It differs from the gradient of clamp(x, -1, 1)."
        raise Wrong(msg)
    return "Forward is sign, backward that of clamp(x, -1, 1): alone, with fan-out and with something after it."


def made(forward: Callable[[Any], Any], backward: Callable[[Any, Any], Any]) -> type:
    """A Function from two functions, for the wrong answers."""

    class Made(Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return backward(ctx.saved_tensors[0], grad)

    return Made


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    kept: list[Any] = []

    class Shared(Function):  # type: ignore[misc]
        """Keeps its input where the next call overwrites it."""

        @staticmethod
        def forward(_: Any, x: Any) -> Any:
            kept[:] = [x]
            return torch.relu(x)

        @staticmethod
        def backward(_: Any, grad: Any) -> Any:
            return grad * (kept[0] > 0)

    class Lazy(Function):  # type: ignore[misc]
        @staticmethod
        def forward(_: Any, x: Any) -> Any:
            return torch.relu(x)

    relu, sign = torch.relu, torch.sign
    return {
        "09.1": [
            made(relu, lambda x, g: (x > 0).to(g.dtype)),
            made(relu, lambda x, g: g),
            made(relu, lambda x, g: g * (x >= 0)),
            made(relu, lambda x, g: g.abs() * (x > 0)),
            made(relu, lambda x, g: (g, g)),
            made(torch.abs, lambda x, g: g * x.sign()),
            made(lambda x: x.clamp_(min=0), lambda x, g: g * (x > 0)),
            made(relu, lambda x, g: None),
            Shared,
            Lazy,
            torch.relu,
            3,
        ],
        "09.2": [
            made(sign, lambda x, g: g * 0),
            made(sign, lambda x, g: g),
            made(sign, lambda x, g: g * (x.abs() < 1)),
            made(sign, lambda x, g: g * (x <= 1)),
            made(sign, lambda x, g: (x.abs() <= 1).to(g.dtype)),
            made(relu, lambda x, g: g * (x.abs() <= 1)),
            torch.sign,
        ],
    }
