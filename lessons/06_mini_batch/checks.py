"""Checks of lesson 06: batches that use every row once, the noise of a batch, and the rate for another size."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import attempt, close, number

Batch = tuple[Any, Any]


# -- 06.1 ----------------------------------------------------------------------------------------------------------
def sample(count: int) -> Batch:
    """Rows that can be told apart: row i is (i, -i, i / 2) in X and 100 + i in y."""
    i = torch.arange(count, dtype=torch.float64)
    return torch.stack([i, -i, i / 2], 1), 100 + i


def dealt(answer: Any, count: int, size: int) -> list[list[int]]:
    """The rows of each batch; what is wrong with a batch by itself is named."""
    X, y = sample(count)
    got = attempt(answer, X, y, size)
    if got is None or isinstance(got, torch.Tensor):
        kind = "nothing" if got is None else "one tensor"
        raise Wrong(f"It returned {kind}. It should yield pairs, or return a list of them.")
    if not (torch.equal(X, sample(count)[0]) and torch.equal(y, sample(count)[1])):
        raise Wrong("The data that was handed in has been changed.")
    return [rows_of(pair) for pair in attempt(list, got)]


def rows_of(pair: Any) -> list[int]:
    """Which rows a batch holds, if its two parts belong together."""
    if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(p, torch.Tensor) for p in pair)):
        raise Wrong("Each batch should be a pair of tensors: some rows of X, and the same rows of y.")
    some, same = pair
    if some.ndim != 2 or some.shape[1] != 3 or same.ndim != 1:
        raise Wrong(
            f"With X of shape (N, 3) and y of shape (N,), a batch has the shapes {tuple(some.shape)} and "
            f"{tuple(same.shape)}. Rows should keep their form."
        )
    rows = [round(v) for v in some[:, 0].tolist()]
    if rows != [round(v - 100) for v in same.tolist()]:
        raise Wrong("A row of X comes out with the y of another row.")
    return rows


def complete(batches: list[list[int]], count: int, size: int) -> None:
    """Every row once, and every batch but the last full."""
    what = f"With {count} rows and size {size}"
    rows = [row for batch in batches for row in batch]
    twice = len(rows) - len(set(rows))
    if twice:
        raise Wrong(f"{what}, {twice} of the rows handed out had come before in the same epoch.")
    if len(rows) < count:
        raise Wrong(f"{what}, {count - len(rows)} of them never come out.")
    sizes = [len(batch) for batch in batches]
    if 0 in sizes:
        raise Wrong(f"{what}, one of the batches is empty.")
    if any(n != size for n in sizes[:-1]) or sizes[-1] > size:
        raise Wrong(f"{what}, the batches have {sizes} rows.")


@exercise(
    "06.1",
    "Minibatches",
    hints=[
        "Draw one order for all rows, then cut that order into pieces. Slices may reach past the end.",
        "`order = torch.randperm(len(X))`, then, for every `size`-th place k, the rows `order[k : k + size]`.",
    ],
)
def minibatches(answer: Any) -> str:
    """Batches that fit and that do not, one row, a size above all; then the shuffle."""
    for count, size in ((12, 4), (10, 4), (10, 1), (7, 7), (5, 8), (1, 3)):
        torch.manual_seed(0)
        complete(dealt(answer, count, size), count, size)
    torch.manual_seed(0)
    first, second = dealt(answer, 40, 8), dealt(answer, 40, 8)
    if [row for batch in first for row in batch] == list(range(40)):
        raise Wrong("All rows come out, but in the order in which they went in.")
    if first == second:
        raise Wrong("Two epochs have the same order.")
    if all(sorted(batch) == list(range(min(batch), min(batch) + len(batch))) for batch in first + second):
        raise Wrong("The order of the batches is random, but the same neighbours are always together.")
    torch.manual_seed(0)
    if dealt(answer, 40, 8) != first:
        raise Wrong("After the same torch.manual_seed the order is another: it is not drawn by torch.")
    return "Every row once, in a new order each time, and the last batch is kept."


# -- 06.2 ----------------------------------------------------------------------------------------------------------
SLOPES = ([3.0, -1.0, 0.5, 4.0, -2.5, 7.0], [1.0, 1.0, 1.0, -9.0, 2.0], [0.2, 0.9])


def counted(g: list[float], size: int) -> float:
    """The standard deviation over every batch of that size."""
    means = [sum(batch) / size for batch in combinations(g, size)]
    middle = sum(means) / len(means)
    return math.sqrt(sum((mean - middle) ** 2 for mean in means) / len(means))


def spread(g: list[float], correction: int) -> float:
    middle = sum(g) / len(g)
    return math.sqrt(sum((v - middle) ** 2 for v in g) / (len(g) - correction))


@exercise(
    "06.2",
    "The noise beforehand",
    hints=[
        "Take the formula of the lesson. It gives a variance.",
        "`g.std(correction=0)` divides by N, as the formula wants it. Then the root of (N - b) / (N - 1) / b.",
    ],
)
def noise_of(answer: Any) -> str:
    """Every size of three small samples, against all batches counted out."""
    for g in SLOPES:
        for size in range(1, len(g) + 1):
            got = number(attempt(answer, torch.tensor(g, dtype=torch.float64), size), "noise")
            want = counted(g, size)
            if close(got, want, 1e-6) or abs(got - want) < 1e-9:
                continue
            where = f"With {len(g)} slopes and batches of {size}"
            if close(got, want**2, 1e-6):
                raise Wrong(f"{where} that is the variance.")
            if size > 1 and any(close(got, spread(g, c) / size**0.5, 1e-6) for c in (0, 1)):
                raise Wrong(f"{where} that would be the noise if a row could be drawn twice.")
            if size == len(g):
                raise Wrong(f"{where} there is only one batch; you say that it has a noise of {got:.4g}.")
            if size == 1 and close(got, spread(g, 1), 1e-6):
                raise Wrong(
                    f"{where} you divide by {len(g) - 1}, as if these slopes were a sample. They are all there are."
                )
            raise Wrong(f"{where} your noise is {got:.4g}; counting out all batches gives another number.")
    return "Right for every size of three small samples."


# -- 06.3 ----------------------------------------------------------------------------------------------------------
EPOCHS, SEEDS, NEAR = 3, 20, 0.25


@functools.cache
def line() -> Any:
    """The lesson's rows."""
    from gradviz.widgets.optim.batch_runs import Rows

    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = 4 * torch.rand(64, dtype=torch.float64) - 1
        y = 1.5 * x + 0.5 + 0.5 * torch.randn(64, dtype=torch.float64)
    return Rows(lambda w, b, x, y: (w * x + b - y) ** 2, (x, y))


@functools.cache
def left(size: int, lr: float) -> float:
    """The mean loss above the minimum after the epochs, over some shuffles."""
    from gradviz.widgets.optim.batch_runs import Run

    start = (-1.0, 2.5)
    best = line().minimum(start)[1]
    runs = [Run(line(), start, lr, size, seed=seed) for seed in range(SEEDS)]
    return sum(run.extend(EPOCHS * run.in_epoch).losses[-1] - best for run in runs) / SEEDS


@exercise(
    "06.3",
    "Another size",
    hints=[
        "How many steps of 4 rows does one step of 16 rows replace?",
        "The linear rule: the rate is proportional to the batch size, as long as it stays below 2 / L.",
    ],
)
def another_size(answer: Any) -> str:
    """The learner's rate is run, and compared with the run that is known to be good."""
    lr = number(answer, "lr")
    if not 0 < lr < math.inf:
        raise Wrong(f"A rate of {lr:g} does not walk downhill.")
    goal, mine = left(4, 0.02), left(16, lr)
    if not mine < line().loss((-1.0, 2.5)):
        raise Wrong(f"With the rate {lr:g}, batches of 16 end higher than they began.")
    if mine > goal * (1 + NEAR):
        raise Wrong(f"With the rate {lr:g} it has {mine / goal:.1f} times as far to go as the run with 4 rows.")
    if mine < goal * (1 - NEAR):
        raise Wrong(f"With the rate {lr:g} it is further on than the run with 4 rows: that is more than was asked for.")
    return f"After {EPOCHS} epochs both are equally far: {goal:.2f} and {mine:.2f} above the minimum."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def cut(order: Any, X: Any, y: Any, size: int) -> list[Batch]:
        return [(X[order[k : k + size]], y[order[k : k + size]]) for k in range(0, len(X), size)]

    def in_order(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.arange(len(X)), X, y, size)

    def drops_the_last(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.randperm(len(X)), X, y, size)[: len(X) // size]

    def with_putting_back(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.randint(len(X), (len(X),)), X, y, size)

    def tears_pairs_apart(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.arange(len(X)), X[torch.randperm(len(X))], y[torch.randperm(len(X))], size)

    def empty_at_the_end(X: Any, y: Any, size: int) -> list[Batch]:
        order = torch.randperm(len(X))
        return [(X[order[k : k + size]], y[order[k : k + size]]) for k in range(0, len(X) + 1, size)]

    def same_every_time(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.randperm(len(X), generator=torch.Generator().manual_seed(1)), X, y, size)

    def whole_blocks(X: Any, y: Any, size: int) -> list[Batch]:
        made = in_order(X, y, size)
        full = [made[k] for k in torch.randperm(len(X) // size).tolist()]
        return full + made[len(full) :]

    def by_python(X: Any, y: Any, size: int) -> list[Batch]:
        import random

        rows = random.sample(range(len(X)), len(X))
        return cut(torch.tensor(rows), X, y, size)

    def in_place(X: Any, y: Any, size: int) -> list[Batch]:
        order = torch.randperm(len(X))
        X.copy_(X[order].clone())
        y.copy_(y[order].clone())
        return in_order(X, y, size)

    def only_x(X: Any, y: Any, size: int) -> list[Any]:
        return [some for some, _ in cut(torch.randperm(len(X)), X, y, size)]

    def size_batches(X: Any, y: Any, size: int) -> list[Batch]:
        return cut(torch.randperm(len(X)), X, y, -(-len(X) // size))

    def nothing(X: Any, y: Any, size: int) -> None:
        in_order(X, y, size)

    def formula(of: Callable[[Any, int, int], Any]) -> Callable[[Any, int], Any]:
        return lambda g, size: of(g, size, len(g))

    return {
        "06.1": [
            in_order, drops_the_last, with_putting_back, tears_pairs_apart, empty_at_the_end, same_every_time,
            whole_blocks, by_python, in_place, only_x, size_batches, nothing, 3,
        ],
        "06.2": [
            formula(lambda g, b, n: g.std(correction=0) / b**0.5),
            formula(lambda g, b, n: g.var(correction=0) / b * (n - b) / (n - 1)),
            formula(lambda g, b, n: g.std() * ((n - b) / (n - 1) / b) ** 0.5),
            formula(lambda g, b, n: g.std(correction=0) / b * ((n - b) / (n - 1)) ** 0.5),
            formula(lambda g, b, n: g.std(correction=0) * ((n - b) / n / b) ** 0.5),
            formula(lambda g, b, n: g.std() / b**0.5),
            0.5,
        ],
        "06.3": [0.02, 0.04, 0.005, 0.32, 0.5, 0.16, -0.08, "quick"],
    }  # fmt: skip
