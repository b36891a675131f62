"""Checks of lesson 01: a target reached by broadcasting, five pairs of shapes, and who shares memory."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import numbers

TARGET = [[5.0, 7.0, 4.0, 9.0], [6.0, 8.0, 5.0, 10.0], [3.0, 5.0, 2.0, 7.0]]


@exercise(
    "01.1",
    "Reach the target",
    hints=[
        "Each row of the target is the first row plus one number. Which number, for each of the three?",
        "Those three numbers, one under another, are a column of shape (3, 1): `[[...], [...], [...]]`.",
        "If the column begins with 0, the row is the first row of the target, in two pairs of brackets.",
    ],
)
def reach(answer: Any) -> str:
    """The two shapes, then the sum; the first entry that is off is named."""
    if not isinstance(answer, dict):
        raise Wrong("Hand in both: `dict(column=column, row=row)`.")
    parts = []
    for name, shape in (("column", (3, 1)), ("row", (1, 4))):
        given = answer.get(name, ...)
        if given is ...:
            raise Unfinished(f"Still to do: `{name}`.")
        if not isinstance(given, torch.Tensor):
            numbers(given, name)
            raise Wrong(f"`{name}` should be a tensor: `torch.tensor(...)`.")
        if tuple(given.shape) != shape:
            raise Wrong(f"`{name}` has shape {tuple(given.shape)}; it should be {shape}.")
        parts.append(given.detach())
    total = (parts[0] + parts[1]).tolist()
    for i, (mine, real) in enumerate(zip(total, TARGET, strict=True)):
        off = [j for j in range(4) if not abs(mine[j] - real[j]) < 1e-4]
        if len(off) == 4:
            raise Wrong(f"The shapes are right. In the sum, row {i} is off in all four places.")
        if off:
            raise Wrong(f"The shapes are right. In the sum, row {i}, column {off[0]} is {mine[off[0]]:g}.")
    return "Seven numbers made twelve."


PAIRS = {
    "a": ((4, 1), (4,)),
    "b": ((2, 3), (2,)),
    "c": ((2, 1, 5), (3, 1)),
    "d": ((6,), ()),
    "e": ((2, 3, 4), (3, 1, 4)),
}


def results() -> dict[str, tuple[int, ...] | None]:
    """The five shapes, from the engine itself."""
    found: dict[str, tuple[int, ...] | None] = {}
    for name, (p, q) in PAIRS.items():
        try:
            found[name] = tuple((torch.zeros(p) + torch.zeros(q)).shape)
        except RuntimeError:
            found[name] = None
    return found


@exercise(
    "01.2",
    "Five pairs",
    hints=[
        "Write each pair one above the other, aligned on the right, and fill up with ones on the left.",
        "A tensor of shape () has one number and no dimension: it can be stretched to anything.",
    ],
)
def five_pairs(answer: Any) -> str:
    """Compare pair by pair; the first wrong one is named, with what is wrong about it."""
    if not isinstance(answer, list | tuple):
        raise Wrong("Write five shapes in a list: `shapes = [..., ..., ..., ..., ...]`.")
    if any(entry is ... for entry in answer):
        raise Unfinished("Fill in all five.")
    if len(answer) != 5:
        raise Wrong(f"There are five questions, and {len(answer)} answers.")
    for (name, real), said in zip(results().items(), answer, strict=True):
        if said is None and real is None:
            continue
        if said is None:
            raise Wrong(f"({name}) does fit: in every dimension the sizes are equal, or one of them is 1.")
        if isinstance(said, int):
            raise Wrong(f"({name}) should be a tuple: a shape with one dimension is written (n,).")
        if not isinstance(said, list | tuple):
            raise Wrong(f"({name}) should be a tuple or None; it is {type(said).__name__}.")
        if real is None:
            raise Wrong(f"({name}) does not fit: align the two on the right, and look for a size that differs.")
        if len(said) != len(real):
            raise Wrong(f"({name}) has another number of dimensions: as many as the longer of the two shapes.")
        for d, (mine, size) in enumerate(zip(said, real, strict=True)):
            if mine != size:
                raise Wrong(f"({name}) is off in dimension {d}.")
    return "All five, and the engine agrees."


def sharing() -> dict[str, bool]:
    """Who shares memory with t, from the engine itself: a change of t is seen, or it is not."""
    t = torch.arange(12).view(3, 4)
    made = {
        "t.view(12)": t.view(12),
        "t.T": t.T,
        "t[1:, ::2]": t[1:, ::2],
        "t[[0, 2]]": t[[0, 2]],
        "t.T.reshape(12)": t.T.reshape(12),
        "t + 0": t + 0,
    }
    before = {name: x.clone() for name, x in made.items()}
    t += 100
    return {name: not torch.equal(x, before[name]) for name, x in made.items()}


WHY = {
    "t.view(12)": "Twelve numbers in one line: which stride reads them in this order?",
    "t.T": "What becomes of the two strides when rows and columns change places?",
    "t[1:, ::2]": "Where does it begin, and how far is it to the next column?",
    "t[[0, 2]]": "A list of indices may name rows in any order. Can strides describe any order?",
    "t.T.reshape(12)": "In which order would the storage be read? 0, 4, 8, 1, ... Is there one stride for that?",
    "t + 0": "Arithmetic computes new numbers. Where would it put them?",
}


@exercise(
    "01.3",
    "Who shares?",
    hints=[
        "Write down the first places in the storage that are read: for t.T they are 0, 4, 8, then 1, 5, 9.",
        "Or try it: make one of them, change t[0, 0] or t[2, 2], and look.",
    ],
)
def who_shares(answer: Any) -> str:
    """Compare one by one; the first wrong one is named with a question."""
    real = sharing()
    if not isinstance(answer, dict) or set(answer) != set(real):
        raise Wrong("Keep the six names of the exercise, and put True or False behind each.")
    if any(said is ... for said in answer.values()):
        raise Unfinished("Fill in all six.")
    for name, truth in real.items():
        if not isinstance(answer[name], bool):
            raise Wrong(f"`{name}` should be True or False; it is {type(answer[name]).__name__}.")
        if answer[name] != truth:
            raise Wrong(f"The first one that is off is `{name}`. {WHY[name]}")
    return "All six, and the engine agrees."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    column, row = torch.tensor([[0.0], [1.0], [-2.0]]), torch.tensor([[5.0, 7.0, 4.0, 9.0]])
    shares = sharing()
    return {
        "01.1": [
            {"column": column.T, "row": row},
            {"column": column, "row": row[0]},
            {"column": column + 1, "row": row},
            {"column": torch.tensor([[0.0], [1.0], [2.0]]), "row": row},
            {"column": column, "row": torch.tensor([[5.0, 7.0, 4.0, 8.0]])},
            {"column": [[0], [1], [-2]], "row": row},
            {"column": column * float("nan"), "row": row},
            column,
        ],
        "01.2": [
            [(4, 1), None, (2, 3, 5), (6,), None],
            [(4, 4), (2, 3), (2, 3, 5), (6,), None],
            [(4, 4), None, None, (6,), None],
            [(4, 4), None, (3, 5), (6,), None],
            [(4, 4), None, (2, 3, 5), 6, None],
            [(4, 4), None, (2, 3, 5), (6,), (3, 3, 4)],
            [(4, 4)],
            "(4, 4)",
        ],
        "01.3": [{**shares, name: not truth} for name, truth in shares.items()] + [{**shares, "t.T": "yes"}, [True]],
    }
