"""`BatchSizes`: the runs are the engine's, torch's too, and the page takes the same steps, bit for bit."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.optim.batch_runs import MOST_STEPS, Cost, Rows, Run
from gradviz.widgets.optim.batch_sizes import BatchSizes

FRONTEND = Path(__file__).resolve().parent.parent.parent / "frontend"
START = (-1.0, 2.5)


def line(w: Any, b: Any, x: Any, y: Any) -> Any:
    return (w * x + b - y) ** 2


def ridge(w: Any, b: Any, x: Any, y: Any) -> Any:
    """A part of the loss is of the parameters alone, and each is used more than once."""
    return (w * x + b - y) ** 2 / 2 + 0.05 * (w * w + b * b) + 0.1 * w * b * x


def logistic(w: Any, b: Any, x: Any, y: Any) -> Any:
    return (1 + (-(y * (w * x + b))).exp()).log()


def columns(count: int, dtype: Any = torch.float64) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(7)
    x = torch.rand(count, generator=generator, dtype=torch.float64) * 4 - 1
    y = 1.5 * x + 0.5 + 0.5 * torch.randn(count, generator=generator, dtype=torch.float64)
    return x.to(dtype), y.to(dtype)


def view(**more: Any) -> BatchSizes:
    return BatchSizes(line, columns(30), **{"start": START, "lr": 0.05, "size": 8, "epochs": 4, **more})


# -- the engine ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 7, 8, 30])
def test_a_run_is_a_loop_that_a_learner_writes(size: int) -> None:
    x, y = columns(30)
    run = Run(Rows(line, (x, y)), START, 0.05, size, seed=3).extend(40)
    torch.manual_seed(3)
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in START)
    optimizer = torch.optim.SGD([w, b], lr=0.05)
    path = [[w.item(), b.item()]]
    while len(path) <= 40:
        order = torch.randperm(30)
        for first in range(0, 30, size):
            rows = order[first : first + size]
            optimizer.zero_grad()
            line(w, b, x[rows], y[rows]).mean().backward()
            optimizer.step()
            path.append([w.item(), b.item()])
    assert run.path == path[:41]


def test_a_run_is_torchs_run() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed: runs are not compared with it")
    x, y = columns(30)
    run = Run(Rows(line, (x, y)), START, 0.05, 8, seed=3).extend(20)
    real.manual_seed(3)
    rx, ry = (real.tensor(column.tolist(), dtype=real.float64) for column in (x, y))
    w, b = (real.tensor(v, dtype=real.float64, requires_grad=True) for v in START)
    optimizer = real.optim.SGD([w, b], lr=0.05)
    path = [[w.item(), b.item()]]
    for _ in range(5):
        for rows in real.randperm(30).split(8):
            optimizer.zero_grad()
            line(w, b, rx[rows], ry[rows]).mean().backward()
            optimizer.step()
            path.append([w.item(), b.item()])
    for ours, theirs in zip(run.path, path, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-13)


def test_an_epoch_uses_every_row_once_and_keeps_the_last_batch() -> None:
    run = Run(Rows(line, columns(30)), START, 0.05, 8)
    epochs = [[run.batch(4 * epoch + k).tolist() for k in range(4)] for epoch in range(2)]
    for batches in epochs:
        assert [len(batch) for batch in batches] == [8, 8, 8, 6]
        assert sorted(row for batch in batches for row in batch) == list(range(30))
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize(("shuffle", "moves"), [("once", True), ("never", False)])
def test_shuffled_once_or_never(shuffle: str, moves: bool) -> None:
    run = Run(Rows(line, columns(30)), START, 0.05, 30, shuffle=shuffle)
    first, second = run.batch(0).tolist(), run.batch(1).tolist()
    assert first == second
    assert (first != list(range(30))) is moves


def test_the_seconds_are_the_model() -> None:
    cost = Cost(50e-6, 5e-6)
    assert cost.seconds(4, 30) == pytest.approx(350e-6)
    assert cost.steps_in(350e-6, 8, 30) == 4
    assert cost.steps_in(349e-6, 8, 30) == 3
    assert Cost(0, 1e-6).steps_in(30e-6, 8, 30) == 4  # the last batch is smaller and costs less
    assert Cost(1e-9, 0).steps_in(1.0, 8, 30) == MOST_STEPS


def test_nothing_is_disturbed() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state().tolist()
    x, y = columns(30)
    kept = x.tolist(), y.tolist()
    with torch.no_grad():
        BatchSizes(line, (x, y), epochs=2)
    assert torch.get_rng_state().tolist() == before
    assert (x.tolist(), y.tolist()) == kept


# -- the page ------------------------------------------------------------------------------------------------------
ANSWER = """
import { readFileSync } from "node:fs";
import { Mersenne, Rows, Run, seconds, stepsIn } from "./batches.mjs";
const words = (_, v) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);
const asked = JSON.parse(readFileSync(0, "utf8"));
const runs = asked.runs.map((c) => {
  const rows = new Rows(c.program, c.columns, c.single);
  const run = new Run(rows, c.setup).extend(c.steps);
  const slopes = run.path.slice(0, 3).map((place) => rows.slope(place));
  const losses = run.path.map((_, k) => run.loss(k));
  return { path: run.path, losses, seen: run.seen, slopes, noise: rows.noise(run.path[0], c.setup.size) };
});
const orders = asked.orders.map(([seed, n]) => {
  const stream = new Mersenne(seed);
  return [[...stream.permutation(n)], [...stream.permutation(n)]];
});
const fits = ([cost, time, size, count]) => [stepsIn(cost, time, size, count), seconds(cost, size, count)];
const costs = asked.costs.map(fits);
console.log(JSON.stringify({ runs, orders, costs }, words));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    """Runs by the browser's own code."""
    if shutil.which("node") is None or not (FRONTEND / "node_modules" / "esbuild").is_dir():
        pytest.skip("the browser's code is not run: node or frontend/node_modules is missing (npm ci in frontend/)")
    folder = tmp_path_factory.mktemp("batches")
    entry = folder / "entry.ts"
    entry.write_text(
        "".join(f'export * from "{FRONTEND}/src/{name}";' for name in ("batches", "mersenne")), encoding="utf-8"
    )
    options = {"entryPoints": [str(entry)], "bundle": True, "format": "esm", "outfile": str(folder / "batches.mjs")}
    build = f'import {{ build }} from "esbuild"; await build({json.dumps(options)});'
    subprocess.run(["node", "--input-type=module", "-e", build], cwd=FRONTEND, check=True, timeout=120)
    (folder / "run.mjs").write_text(ANSWER, encoding="utf-8")

    def run(**asked: Any) -> Any:
        text = json.dumps({"runs": [], "orders": [], "costs": [], **asked})
        done = subprocess.run(["node", "run.mjs"], cwd=folder, input=text, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


def test_the_page_shuffles_as_randperm_does(browser: Callable[..., Any]) -> None:
    asked = [(seed, n) for seed in (0, 1, 42, 2**32 - 1) for n in (1, 2, 64, 700)]
    for (seed, n), orders in zip(asked, browser(orders=asked)["orders"], strict=True):
        torch.manual_seed(seed)
        assert orders == [torch.randperm(n).tolist() for _ in range(2)]


CASES = [
    (fn, dtype, count, size, shuffle)
    for fn, dtype in [(line, "float64"), (line, "float32"), (ridge, "float64"), (ridge, "float32")]
    for count, size, shuffle in [
        (30, 1, "every epoch"), (30, 7, "every epoch"), (30, 30, "once"), (300, 129, "every epoch"),
        (300, 300, "never"), (64, 8, "every epoch"), (1000, 1000, "every epoch"),
    ]
]  # fmt: skip


def asked_for(rows: Rows, size: int, shuffle: str, steps: int, lr: float) -> dict[str, Any]:
    setup = {"start": START, "lr": lr, "size": size, "seed": 5, "shuffle": shuffle}
    return {
        "program": rows.program(START), "columns": [column.tolist() for column in rows.columns],
        "single": rows.single, "setup": setup, "steps": steps,
    }  # fmt: skip


def test_the_pages_numbers_are_the_engines_bit_for_bit(browser: Callable[..., Any]) -> None:
    made = [
        (Rows(fn, columns(count, getattr(torch, dtype))), size, shuffle) for fn, dtype, count, size, shuffle in CASES
    ]
    steps = 60
    answers = browser(runs=[asked_for(*case, steps, 0.05) for case in made])["runs"]
    for (rows, size, shuffle), got, case in zip(made, answers, CASES, strict=True):
        run = Run(rows, START, 0.05, size, seed=5, shuffle=shuffle).extend(steps)
        assert got["path"] == run.path, case
        assert got["losses"] == run.losses, case
        assert got["seen"] == run.seen, case
        leaves = rows.leaves(run.path[2])
        rows.mean(leaves).backward()
        assert got["slopes"][2]["grads"] == [leaf.grad.item() for leaf in leaves], case


def test_other_functions_agree_to_the_last_digits(browser: Callable[..., Any]) -> None:
    rows = Rows(logistic, columns(64))
    (got,) = browser(runs=[asked_for(rows, 8, "every epoch", 200, 0.1)])["runs"]
    run = Run(rows, START, 0.1, 8, seed=5).extend(200)
    for ours, theirs in zip(run.path, got["path"], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-10)


def test_a_run_that_diverges(browser: Callable[..., Any]) -> None:
    rows = Rows(line, columns(30))
    (got,) = browser(runs=[asked_for(rows, 4, "every epoch", 2000, 2.0)])["runs"]
    run = Run(rows, START, 2.0, 4, seed=5).extend(2000)
    assert str(run.path[-1][0]) == got["path"][-1][0].lower() == "nan"


def test_the_noise_is_the_spread_of_all_batches(browser: Callable[..., Any]) -> None:
    """Every batch of 3 of 8 rows, counted out: the mean squared distance from the slope of all rows."""
    from itertools import combinations

    rows = Rows(line, columns(8))
    (got,) = browser(runs=[asked_for(rows, 3, "every epoch", 0, 0.05)])["runs"]

    def slope(which: Any) -> list[float]:
        leaves = rows.leaves(START)
        rows.mean(leaves, which).backward()
        return [leaf.grad.item() for leaf in leaves]

    whole = slope(None)
    far = [math.dist(slope(torch.tensor(which)), whole) ** 2 for which in combinations(range(8), 3)]
    assert got["noise"] == pytest.approx(math.sqrt(sum(far) / len(far)), rel=1e-12)


def test_the_costs_are_pythons(browser: Callable[..., Any]) -> None:
    asked = [((50e-6, 5e-6), 7.2e-3, 8, 64), ((0, 1e-6), 1e-3, 7, 30), ((1e-5, 0), 1e-3, 1, 30), ((1e-9, 0), 1, 1, 9)]
    given = [({"overhead": c[0], "per_row": c[1]}, *rest) for c, *rest in asked]
    for (cost, time, size, count), (steps, took) in zip(asked, browser(costs=given)["costs"], strict=True):
        assert steps == Cost(*cost).steps_in(time, size, count)
        assert took == Cost(*cost).seconds(size, count)


# -- the view ------------------------------------------------------------------------------------------------------
def test_the_table_is_the_engines() -> None:
    made = view()
    rows = {row[0]: row for row in made.table()[1:]}
    assert list(rows) == ["1", "8", "30"]
    run = Run(made.rows, START, 0.05, 8).extend(16)
    assert rows["8"][2:5] == ["4", f"{run.losses[4]:.6g}", f"{run.losses[16]:.6g}"]
    assert made.budget == pytest.approx(16 * 50e-6 + 120 * 5e-6)


def test_the_lowest_loss_is_that_of_least_squares() -> None:
    import numpy as np

    x, y = (np.array(column.tolist()) for column in columns(30))
    best, *_ = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)
    found = view().best
    assert found is not None
    assert found[0] == pytest.approx(list(best), abs=1e-7)


def test_a_loss_without_a_lowest_place_has_none() -> None:
    x, y = columns(30)
    made = BatchSizes(lambda w, b, x, y: w * x + b, (x, y), START, epochs=2)
    assert made.best is None
    assert made.to_json()["best"] is None
    assert "No lowest loss" in made.to_text()
    ET.fromstring(made.to_svg())


def test_the_rate_that_grows_with_the_size() -> None:
    rates = {run.size: run.lr for run in view(scale_lr=True, lr=0.008).runs}
    assert rates == {1: pytest.approx(0.001), 8: 0.008, 30: pytest.approx(0.03)}


def test_it_is_the_same_every_time() -> None:
    assert view().to_html() == view().to_html()
    code = (
        "import hashlib, sys; sys.path.insert(0, '.')\n"
        "from tests.widgets.test_batch_sizes import view\n"
        "print(hashlib.sha256(view().to_html().encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FRONTEND.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(seen) == 1


def test_picture_text_and_page() -> None:
    made = view()
    ET.fromstring(made.to_svg())
    assert "30 rows in batches of 1, 8, 30" in made.to_svg()
    assert repr(made) == made.to_text()
    assert "Assumed cost of a step: 50 microseconds" in made.to_text()
    json.dumps(made.to_json(), allow_nan=False)
    assert len(made.to_html()) < 120_000


def test_the_largest_page_is_small_enough() -> None:
    made = BatchSizes(line, columns(1024), size=64, sizes=(16, 256, 1024), epochs=3)
    assert len(made.to_html()) < 130_000


def test_names_are_text() -> None:
    hostile = "<script>alert(1)</script>"
    made = view()
    made.names[0] = hostile
    made.terrain.names[0] = hostile
    assert hostile not in made.to_svg()
    assert hostile not in made.to_html()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"size": 31}, ValueError, "size has a batch of 31 rows, but there are 30"),
        ({"size": 0}, ValueError, "whole number of at least 1"),
        ({"size": 2.5}, ValueError, "whole number of at least 1"),
        ({"sizes": (1, 99)}, ValueError, "sizes has a batch of 99"),
        ({"sizes": (1, 2, 3, 4, 5, 6)}, ValueError, "up to 5 further sizes"),
        ({"epochs": 1000, "sizes": (1,)}, ValueError, "more than 20,000 steps"),
        ({"lr": 0}, ValueError, "positive rate"),
        ({"lr": math.inf}, ValueError, "positive rate"),
        ({"seed": -1}, ValueError, "seed must be from 0"),
        ({"shuffle": "always"}, ValueError, "'every epoch', 'once', 'never'"),
        ({"overhead": 0, "per_row": 0}, ValueError, "not both 0"),
        ({"overhead": -1}, ValueError, "not negative"),
        ({"start": 1.0}, ValueError, "two parameters"),
        ({"bounds": ((1, 0), (0, 1))}, ValueError, "bounds must be"),
    ],
)
def test_bad_settings(change: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        view(**change)


X, Y = columns(30)


@pytest.mark.parametrize(
    ("fn", "rows", "error", "says"),
    [
        (lambda w, b, x, y: line(w, b, x, y).mean(), (X, Y), ValueError, "Leave out .mean"),
        (lambda w, b, x, y: line(w, b, x, y) / x.max(), (X, Y), ValueError, "on that row alone"),
        (lambda w, b, x, y: line(w, b, x, y).erf(), (X, Y), ValueError, "'erf' is not one the browser can run"),
        (line, (X, Y[:3]), ValueError, "a number for each row"),
        (line, (X[:, None], Y[:, None]), ValueError, "x.squeeze"),
        (line, (X, Y.float()), TypeError, "all be float64 or all float32"),
        (line, (X.long(), Y.long()), TypeError, "all be float64"),
        (line, ([1.0], [2.0]), TypeError, "tuple of tensors"),
        (line, (X[:1], Y[:1]), ValueError, "2 to 1,024 rows"),
        (line, (torch.zeros(2000), torch.zeros(2000)), ValueError, "2 to 1,024 rows"),
        (line, (X, Y / 0), ValueError, "infinity or NaN"),
    ],
)
def test_bad_rows_and_functions(fn: Any, rows: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        BatchSizes(fn, rows, START)
