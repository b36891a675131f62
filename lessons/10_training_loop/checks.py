"""Checks of lesson 10: a loop put together from shuffled lines, a broken loop, a module with a learned scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradviz as torch
from gradviz import nn
from gradviz.teach.check import Unfinished, Wrong, exercise

F = nn.functional
LINES = {
    "a": "optimizer.step()",
    "b": "loss = F.mse_loss(output, y)",
    "c": "optimizer.zero_grad()",
    "d": "output = net(x)",
    "e": "loss.backward()",
}


def start() -> dict[str, Any]:
    """A small net, its data and its optimizer, always the same."""
    torch.manual_seed(10)
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    x = torch.linspace(-1, 1, 16)[:, None]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return {"net": net, "x": x, "y": torch.sin(3 * x), "optimizer": optimizer, "F": F}


def end_loss(lines: list[str], steps: int = 25) -> float:
    """Run these lines as the body of a loop; the loss of the trained net."""
    names = start()
    body = compile("\n".join(lines), "<loop>", "exec")
    for _ in range(steps):
        exec(body, names)
    return float(F.mse_loss(names["net"](names["x"]), names["y"]).item())


RIGHT = ["d", "b", "c", "e", "a"]


@exercise(
    "10.1",
    "Five shuffled lines",
    hints=[
        "What does each line need? `backward` needs a loss, the loss an output, `step` needs gradients.",
        "That fixes four of the five. The fifth must not throw away what `step` is about to use.",
    ],
)
def shuffled(answer: Any) -> str:
    """Run the learner's loop and compare where it ends."""
    if not isinstance(answer, str):
        raise Wrong(f'Answer with five letters in quotes, such as `"abcde"`; this is a {type(answer).__name__}.')
    letters = [c for c in answer.lower() if c not in " ,-"]
    if sorted(letters) != sorted(LINES):
        raise Wrong("Each of the five letters a to e must be there, once.")
    at = {letter: letters.index(letter) for letter in LINES}
    if at["b"] < at["d"]:
        raise Wrong("In the first round the loss asks for `output`, and there is none yet.")
    if at["e"] < at["b"]:
        raise Wrong("In the first round `backward` asks for `loss`, and there is none yet.")
    if at["a"] < at["e"]:
        raise Wrong("The step comes before the gradients of this round are there: it uses those of the round before.")
    reached, wanted = (end_loss([LINES[letter] for letter in order]) for order in (letters, RIGHT))
    if abs(reached - wanted) > 1e-6:
        raise Wrong(
            f"It runs, but after 25 rounds the loss is {reached:.3f}, as if nothing had moved. What did step see?"
        )
    return "It trains. There is more than one right place for `zero_grad`."


LOOPS = {
    "A": ["loss = F.mse_loss(net(x), y)", "loss.backward()", "optimizer.step()", "optimizer.zero_grad()"],
    "B": ["optimizer.zero_grad()", "loss = F.mse_loss(net(x), y)", "loss.backward()", "optimizer.step()"],
    "C": ["loss = F.mse_loss(net(x), y)", "loss.backward()", "optimizer.zero_grad()", "optimizer.step()"],
    "D": [
        "loss = F.mse_loss(net(x), y)", "for p in net.parameters():", "    p.grad = None", "loss.backward()",
        "optimizer.step()",
    ],
}  # fmt: skip


@exercise(
    "10.2",
    "One of four is broken",
    hints=[
        "Follow one number through a round of each loop: `p.grad`. What is in it when `step` reads it?",
        "Clearing before the forward run, after it, or after the step are all fine. Where is it not?",
    ],
)
def broken(answer: Any) -> str:
    """The loop whose end differs from that of the others, and the reason."""
    if not isinstance(answer, Mapping) or "loop" not in answer or "how" not in answer:
        raise Wrong("Give both: `dict(loop=..., how=...)`.")
    if ... in (answer["loop"], answer["how"]):
        raise Unfinished("Fill in both, `loop` and `how`.")
    loop, how = str(answer["loop"]).strip().upper(), str(answer["how"]).strip().lower()
    if loop not in LOOPS:
        raise Wrong("`loop` is one of the letters A, B, C and D.")
    ends = {name: end_loss(lines) for name, lines in LOOPS.items()}
    if ends[loop] < max(ends.values()):
        raise Wrong(
            f"Loop {loop} trains: after 25 rounds its loss is {ends[loop]:.3f}. Another one stays where it was."
        )
    replies = {
        "adds": "The loop is right. But do gradients pile up there? It clears them in every round.",
        "cut": "The loop is right. But gradients do reach the weights: look at `p.grad` just after `backward`.",
        "late": "The loop is right. But its loss is of this round, as in the others.",
    }
    if how in replies:
        raise Wrong(replies[how])
    if how != "cleared":
        raise Wrong("The loop is right. `how` is one of the four words in the question.")
    return "Right: the step finds no gradients, and moves nothing."


def tried(name: str, call: Callable[[], Any]) -> Any:
    """Run something of the learner's; an error of theirs is named, not thrown."""
    try:
        return call()
    except Exception as error:
        text = str(error).strip().splitlines()
        raise Wrong(f"{name} raised {type(error).__name__}: {text[0] if text else 'no text'}") from error


@exercise(
    "10.3",
    "A module of your own",
    hints=[
        "A class with `__init__` (first line `super().__init__()`) and `forward`; `make` returns an instance of it.",
        "`self.scale = nn.Parameter(torch.ones(1))`: a plain tensor would not sign up.",
    ],
)
def scaled(answer: Any) -> str:
    """Parameters, the start, forward, and that the scale is used and learns."""
    if not callable(answer) or isinstance(answer, nn.Module):
        raise Wrong("`make` should be a function (or class) that is called with n and m.")
    net = tried("make(3, 2)", lambda: answer(3, 2))
    if not isinstance(net, nn.Module):
        raise Wrong(f"`make(3, 2)` should return a module; it returned a {type(net).__name__}.")
    found = dict(net.named_parameters())
    shapes = {name: tuple(p.shape) for name, p in found.items()}
    count = sum(p.numel() for p in found.values())
    scales = [name for name in found if name.split(".")[-1] == "scale"]
    if not scales:
        raise Wrong(f"No parameter is called `scale`. The parameters are: {', '.join(shapes) or 'none'}.")
    if found[scales[0]].numel() != 1:
        raise Wrong(f"`scale` should be one number; it has the shape {shapes[scales[0]]}.")
    if count != 3 * 2 + 2 + 1:
        raise Wrong(f"Linear(3, 2) and one scale have nine numbers to learn; this has {count}.")
    if float(found[scales[0]].detach().sum()) != 1.0:
        raise Wrong("`scale` should start at 1.")
    x = torch.tensor([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]])
    weight = next((p for p in found.values() if tuple(p.shape) == (2, 3)), None)
    bias = next((p for name, p in found.items() if tuple(p.shape) == (2,) and name not in scales), None)
    if weight is None or bias is None:
        raise Wrong("A Linear(3, 2) has a weight of shape (2, 3) and a bias of shape (2,).")
    with torch.no_grad():
        found[scales[0]].fill_(3.0)
    got = tried("forward", lambda: net(x))
    want = 3.0 * F.linear(x, weight, bias)
    if not isinstance(got, torch.Tensor) or tuple(got.shape) != (2, 2):
        raise Wrong("For two rows of three numbers, the output should have the shape (2, 2).")
    if torch.allclose(got, want / 3, atol=1e-5):
        raise Wrong("With scale set to 3, the output is the same as with 1: forward does not use it.")
    if not torch.allclose(got, want, atol=1e-5):
        raise Wrong("With scale set to 3, the output is not three times that of the linear layer, bias and all.")
    tried("backward", lambda: got.sum().backward())
    if any(p.grad is None for p in found.values()):
        raise Wrong("After backward, a parameter has no gradient: is something detached?")
    return "Nine parameters, all of them signed up, all of them learning."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    class Base(nn.Module):
        def __init__(self, n: int, m: int) -> None:
            super().__init__()
            self.linear = nn.Linear(n, m)
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: Any) -> Any:
            return self.scale * self.linear(x)

    class Plain(Base):
        def __init__(self, n: int, m: int) -> None:
            super().__init__(n, m)
            del self.scale
            self.scale = torch.ones(1)

    class Each(Base):
        def __init__(self, n: int, m: int) -> None:
            super().__init__(n, m)
            self.scale = nn.Parameter(torch.ones(m))

    class Zero(Base):
        def __init__(self, n: int, m: int) -> None:
            super().__init__(n, m)
            self.scale = nn.Parameter(torch.zeros(1))

    class Unused(Base):
        def forward(self, x: Any) -> Any:
            return self.linear(x)

    class Inside(Base):
        def forward(self, x: Any) -> Any:
            return self.linear(self.scale * x)

    class Cut(Base):
        def forward(self, x: Any) -> Any:
            return self.scale.detach() * self.linear(x)

    return {
        "10.1": ["dbeca", "abcde", "bdcea", "decba", "dbcae", "dbce", "dbcee", 5],
        "10.2": [
            {"loop": "A", "how": "cleared"}, {"loop": "D", "how": "adds"}, {"loop": "C", "how": "adds"},
            {"loop": "C", "how": "cut"}, {"loop": "C", "how": "late"}, {"loop": "E", "how": "cleared"}, "C",
        ],
        "10.3": [Plain, Each, Zero, Unused, Inside, Cut, lambda n, m: n * m, lambda n, m: nn.Linear(n, m), 3],
    }  # fmt: skip
