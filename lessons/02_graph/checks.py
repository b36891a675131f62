"""Checks of lesson 02: a graph of exactly n nodes, a graph to order, and who is a leaf."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, number

END = "torch::autograd::AccumulateGrad"


def nodes(y: Any) -> list[str]:
    """The names of the operations behind y, the newest first."""
    found: list[Any] = []
    waiting = [y.grad_fn]
    while waiting:
        node = waiting.pop(0)
        if node is None or node.name() == END or any(node is seen for seen in found):
            continue
        found.append(node)
        waiting += [before for before, _ in node.next_functions]
    return [node.name() for node in found]


def operations(count: int) -> str:
    """One operation, two operations."""
    return f"{count} operation{'' if count == 1 else 's'}"


@exercise(
    "02.1",
    "Exactly n nodes",
    hints=[
        "`x ** (n + 1)` has the right value, but it is a single operation. Which operation, repeated, gives the same?",
        "From x to x * x is one multiplication. How many are needed to reach x to the power n + 1?",
        "With n = 0 there is nothing to do: return x itself.",
    ],
)
def exactly_n(answer: Any) -> str:
    """Value, number of recorded operations and gradient, on hidden inputs."""
    for value, n in ((3.0, 1), (-2.0, 4), (0.5, 2), (1.5, 7), (2.0, 0), (0.9, 13)):
        x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        y = attempt(answer, x, n)
        where = f"for n = {n}"
        if not isinstance(y, torch.Tensor):
            raise Wrong(f"It should return a tensor; {where} it returned a {type(y).__name__}.")
        if tuple(y.shape):
            raise Wrong(f"From a single number it should make a single number; {where} its shape is {tuple(y.shape)}.")
        want = value ** (n + 1)
        if abs(y.item() - want) > 1e-9 * max(1.0, abs(want)):
            raise Wrong(
                f"{where.capitalize()} and x = {value:g} the value is {y.item():g}, not x to the power {n + 1}."
            )
        if not y.requires_grad:
            raise Wrong(f"The value is right {where}, but nothing was recorded: the result does not lead back to x.")
        count = len(nodes(y))
        if count != n:
            raise Wrong(f"The value is right {where}, but {operations(count)} stand behind it, not {n}.")
        (slope,) = torch.autograd.grad(y, x, allow_unused=True)
        real = (n + 1) * value**n
        if slope is None or abs(slope.item() - real) > 1e-9 * max(1.0, abs(real)):
            raise Wrong(f"Value and count are right {where}, but the gradient is not: some part was cut off.")
        if x.item() != value:
            raise Wrong("The x that was handed in has been changed.")
    return "Right for six hidden pairs of x and n, and for n = 0 too."


def walk(x: Any) -> Any:
    """The program of exercise 02.2."""
    while x < 10:
        x = x * 2 if x < 4 else x + 3
    return x


@exercise(
    "02.2",
    "Order a graph",
    hints=[
        "Which branch must be taken first, and what does that say about the start?",
        "Go backwards: before the last addition the value was below 10, and after it, it was not.",
        "After the doubling the value must be at least 4 (or it is doubled again), and 10 must be two additions away.",
    ],
)
def order(answer: Any) -> str:
    """Run it, and say what was recorded instead."""
    value = number(answer, "start")
    if not 1e-6 < value < 1e6:
        if value <= 0:
            raise Wrong("From there, doubling never leads to 4: the loop would run for ever.")
        raise Wrong("That is out of the range of this exercise.")
    made = [name.removesuffix("Backward0") for name in nodes(walk(torch.tensor(value, requires_grad=True)))][::-1]
    if made == ["Mul", "Add", "Add"]:
        return "One multiplication, two additions."
    if not made:
        raise Wrong("From there the loop does not run at all: the graph is empty.")
    muls, adds = made.count("Mul"), made.count("Add")
    raise Wrong(f"From there the graph has {times(muls, 'multiplication')} and {times(adds, 'addition')}.")


def times(count: int, what: str) -> str:
    """No addition, one addition, two additions."""
    return f"{('no', 'one', 'two')[count] if count < 3 else count} {what}{'s' if count > 1 else ''}"


def leaves() -> dict[str, bool]:
    """Who is a leaf, from the engine itself."""
    a = torch.ones(2, requires_grad=True)
    b = a * 3
    c = b.detach()
    d = torch.ones(2) + 1
    e = d + a
    f = torch.zeros(2).requires_grad_()
    return {name: bool(t.is_leaf) for name, t in {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}.items()}


WHY = {
    "a": "Did an operation make it, or did you?",
    "b": "It was made by a multiplication. Does one of the inputs need a gradient?",
    "c": "What does detach() do with the past of a tensor?",
    "d": "An addition made it. But does any of its inputs need a gradient?",
    "e": "One input needs no gradient. Does the other?",
    "f": "Wanting a gradient and having a past are two things.",
}


@exercise(
    "02.3",
    "Who is a leaf?",
    hints=[
        "A leaf has no grad_fn. A tensor has a grad_fn if an operation made it from something that needs a gradient.",
        "Go through the four tensors of the lesson, w, c, z and d, and find the one that is most like yours.",
    ],
)
def who(answer: Any) -> str:
    """Compare one by one; the first wrong one is named with a question."""
    if not isinstance(answer, dict):
        raise Wrong("Hand in all six: `dict(a=a, b=b, c=c, d=d, e=e, f=f)`.")
    real = leaves()
    if any(answer.get(name, ...) is ... for name in real):
        raise Unfinished("Fill in all six.")
    for name, said in ((name, answer[name]) for name in real):
        if not isinstance(said, bool):
            raise Wrong(f"`{name}` should be True or False; it is {type(said).__name__}.")
    for name, truth in real.items():
        if answer[name] != truth:
            raise Wrong(f"The first one that is off is `{name}`. {WHY[name]}")
    return "All six, and the engine agrees."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def at_once(x: Any, n: int) -> Any:
        return x ** (n + 1)

    def one_more(x: Any, n: int) -> Any:
        y = torch.ones_like(x)
        for _ in range(n + 1):
            y = y * x
        return y

    def too_low(x: Any, n: int) -> Any:
        y = torch.ones_like(x)
        for _ in range(n):
            y = y * x
        return y

    def with_numbers(x: Any, n: int) -> Any:
        y = x
        for _ in range(n):
            y = y * x.item()
        return y

    def unrecorded(x: Any, n: int) -> Any:
        with torch.no_grad():
            return x ** (n + 1)

    def a_number(x: Any, n: int) -> Any:
        return x.item() ** (n + 1)

    def doubled(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x * 2
        return x

    right = leaves()
    return {
        "02.1": [at_once, one_more, too_low, with_numbers, unrecorded, a_number, doubled, 3],
        "02.2": [1.0, 4.0, 3.5, 12.0, -1.0, 0.0, "two"],
        "02.3": [{**right, name: not truth} for name, truth in right.items()] + [{**right, "a": "yes"}, [True] * 6],
    }
