"""`LossCurve`: no spike is lost, every number is the engine's, and what is no series is refused by name."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as torch
from gradviz.widgets.training.decimate import Series, column_means, column_width, decimate, smooth
from gradviz.widgets.training.loss_curve import MOST, LossCurve

HOSTILE = [
    "<script>alert(1)</script>",
    "\"quoted' & <b>",
    "line\nbreak",
    "\u202eright to left",
    "x" * 10_000,
    "\ud800",
    "",
]
BUDGET = 120_000


def noisy(n: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return 2.3 * np.exp(-np.arange(n) / (n / 3)) + 0.1 * rng.standard_normal(n)


# -- thinning --------------------------------------------------------------------------------------------------------
@given(
    st.integers(1, 3000),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 4, 32, 128]),
    st.sampled_from(["even", "gaps", "fractions", "repeated"]),
    st.floats(0, 0.3),
)
@settings(max_examples=150, deadline=None)
def test_each_column_keeps_its_lowest_and_highest(n: int, seed: int, columns: int, kind: str, bad: float) -> None:
    rng = np.random.default_rng(seed)
    steps = {
        "even": np.arange(n, dtype=float),
        "gaps": np.cumsum(rng.integers(1, 1000, n)).astype(float),
        "fractions": np.sort(rng.random(n)) * 7 - 3,
        "repeated": np.sort(rng.integers(0, max(1, n // 3), n)).astype(float),
    }[kind]
    values = rng.standard_normal(n)
    values[rng.random(n) < bad] = rng.choice([np.nan, np.inf, -np.inf])
    kept = decimate(steps, values, columns)
    assert len(kept) <= max(4 * columns, 5 * columns) or len(kept) == n
    assert (np.diff(kept) > 0).all() if len(kept) > 1 else True
    width = column_width(steps, columns)
    for wider in (1, 2, 8):  # a coarser picture of what was kept is exact too
        column, seen = np.floor(steps / (width * wider)), np.floor(steps[kept] / (width * wider))
        for c in np.unique(column):
            every, some = values[column == c], values[kept][seen == c]
            assert (every[0], every[-1]) == (some[0], some[-1]) or not np.isfinite([every[0], every[-1]]).all()
            fine, left = every[np.isfinite(every)], some[np.isfinite(some)]
            if len(fine):
                assert (fine.min(), fine.max()) == (left.min(), left.max())
            assert np.isfinite(every).all() == np.isfinite(some).all(), "a column with NaN still shows one"


def test_thinning_twice_is_thinning_once() -> None:
    steps, values = np.arange(100_000.0), noisy(100_000)
    once = decimate(steps, values, 256)
    fine = decimate(steps, values, 1024)
    again = fine[decimate(steps[fine], values[fine], 256)]
    assert set(again) >= set(once) or set(once) == set(again)


def test_a_million_points_keep_their_spikes_within_the_budget() -> None:
    values = noisy(1_000_000)
    values[123_456], values[777_777], values[500_001] = 9, -5, np.nan
    curve = LossCurve({"loss": values})
    html = curve.to_html()
    assert len(html) <= BUDGET
    shown = curve.to_json()["lines"][0]
    steps = np.cumsum(shown["points"]["steps"])
    found = dict(zip(steps.tolist(), shown["points"]["values"], strict=True))
    assert (found[123_456], found[777_777]) == (9.0, -5.0)
    assert "nan" in found.values()
    assert (shown["count"], shown["whole"]) == (1_000_000, False)
    assert all(isinstance(v, str) or v == values[s] for s, v in found.items())


def test_means_stand_for_all_values() -> None:
    steps, values = np.arange(9000.0), noisy(9000)
    values[17] = np.inf
    ends, means, counts = column_means(steps, values, 128)
    assert counts.sum() == 8999
    assert (means * counts).sum() == pytest.approx(values[np.isfinite(values)].sum())
    assert (np.diff(ends) > 0).all()


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.99])
def test_smoothing_is_tensorboards(weight: float) -> None:
    values = noisy(300)
    values[[7, 50, 51]] = [np.nan, np.inf, -np.inf]
    last, count, want = 0.0, 0, []
    for v in values:
        if not math.isfinite(v):
            want.append(v)
            continue
        last = last * weight + (1 - weight) * v
        count += 1
        want.append(last / (1 - weight**count if weight else 1))
    np.testing.assert_allclose(smooth(values, weight), want, rtol=1e-10)


def test_steps_may_come_in_any_order() -> None:
    series = Series()
    for step in (3, 1, 2, 1, 0):
        series.add(step, step * 10 + len(series))
    steps, values = series.arrays()
    assert steps.tolist() == [0, 1, 1, 2, 3]
    assert values.tolist() == [4, 11, 13, 22, 30]
    series.extend([5, 4], [50, 40])
    assert series.arrays()[0].tolist() == [0, 1, 1, 2, 3, 4, 5]


# -- sources ---------------------------------------------------------------------------------------------------------
class Scalars:
    steps, values = [0, 10, 20], [3.0, 2.0, 1.0]


class Log:
    scalars = {"train/loss": Scalars(), "other": Scalars()}


SOURCES = [
    ([3.0, 2.0, 1.0], {"loss": [0, 1, 2]}),
    ([torch.tensor(3.0), 2, np.float32(1)], {"loss": [0, 1, 2]}),
    (torch.tensor([3.0, 2.0, 1.0]), {"loss": [0, 1, 2]}),
    (np.array([[0, 3], [10, 2], [20, 1]]), {"loss": [0, 10, 20]}),
    ([(0, 3), (10, 2), (20, 1)], {"loss": [0, 10, 20]}),
    (([0, 10, 20], [3, 2, 1]), {"loss": [0, 10, 20]}),
    ({"a": [3, 2, 1], "b": ([0, 10, 20], [3, 2, 1])}, {"a": [0, 1, 2], "b": [0, 10, 20]}),
    ([{"step": 5, "x": 3}, {"step": 6, "x": 2}, {"step": 7, "x": 1}], {"x": [5, 6, 7]}),
    (Log(), {"train/loss": [0, 10, 20], "other": [0, 10, 20]}),
]


@pytest.mark.parametrize(("source", "want"), SOURCES)
def test_what_a_curve_is_made_of(source: Any, want: dict[str, list[int]]) -> None:
    curve = LossCurve(source)
    assert {tag: line.points.arrays()[0].tolist() for (_, tag), line in curve.lines.items()} == want
    for line in curve.lines.values():
        assert line.points.arrays()[1].tolist() == [3, 2, 1]


def test_several_runs_and_only_some_series() -> None:
    curve = LossCurve({"first": Log(), "second": {"train/loss": [1, 2]}}, only=["train/loss"])
    assert list(curve.lines) == [("first", "train/loss"), ("second", "train/loss")]
    assert [curve.label(line) for line in curve.lines.values()] == ["first", "second"]


def test_a_tensorboard_log(tmp_path: Path) -> None:
    board = pytest.importorskip("gradviz.utils.tensorboard", reason="tensorboard is not installed")
    with board.SummaryWriter(str(tmp_path)) as writer:
        for i in range(20):
            writer.add_scalar("loss", 1 / (1 + i), i * 5)
    line = LossCurve(board.read(tmp_path)).lines["", "loss"]
    assert line.points.arrays()[0].tolist() == [i * 5 for i in range(20)]
    np.testing.assert_array_equal(line.points.arrays()[1], np.float32(1 / (1 + np.arange(20))).astype(float))


WRONG = [
    (["a", "b"], TypeError, "loss"),
    ({"x": 3.0}, TypeError, "single value"),
    ({"x": [[1, 2, 3]]}, ValueError, "shape"),
    ({"x": ([1, 2], [1, 2, 3])}, ValueError, "2 steps and 3 values"),
    ({"x": ([1, math.nan], [1, 2])}, ValueError, "not finite"),
    ("losses.csv", TypeError, "str"),
]


@pytest.mark.parametrize(("source", "error", "says"), WRONG)
def test_what_is_no_series_is_refused(source: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        LossCurve(source)


def test_wrong_values_and_settings() -> None:
    curve = LossCurve()
    with pytest.raises(ValueError, match="mean"):
        curve.add(loss=torch.zeros(3))
    with pytest.raises(TypeError, match="loss is str"):
        curve.add(loss="low")
    with pytest.raises(TypeError, match="step"):
        curve.add(step="one", loss=1)
    with pytest.raises(ValueError, match="finite"):
        curve.add(step=math.inf, loss=1)
    with pytest.raises(ValueError, match="smoothing"):
        LossCurve([1], smoothing=1)
    with pytest.raises(ValueError, match="no series 'acc'"):
        LossCurve({"loss": [1]}, only=["acc"])
    assert not curve.lines


def test_adding_counts_steps_and_does_not_touch_tensors() -> None:
    curve = LossCurve()
    w = torch.tensor(2.0, requires_grad=True)
    loss = w * w
    state = torch.get_rng_state()
    curve.add(loss=loss)
    curve.add(loss=np.float64(1), val_loss=5)
    curve.add({"a b": 7}, step=10)
    curve.add(loss=torch.tensor([3.0]))
    assert curve.lines["", "loss"].points.arrays()[0].tolist() == [0, 1, 11]
    assert curve.lines["", "a b"].points.arrays()[0].tolist() == [10]
    loss.backward()
    assert w.grad.item() == 4
    assert (torch.get_rng_state() == state).all()


def test_from_another_thread() -> None:
    curve = LossCurve()

    def add(tag: str) -> None:
        for i in range(500):
            curve.add({tag: i}, step=i)

    threads = [threading.Thread(target=add, args=(f"t{k}",)) for k in range(4)]
    for t in threads:
        t.start()
    for _ in range(20):
        curve.to_json()
    for t in threads:
        t.join()
    assert [line.points.arrays()[1].tolist() for line in curve.lines.values()] == [list(range(500))] * 4


# -- pictures --------------------------------------------------------------------------------------------------------
def full() -> LossCurve:
    values = noisy(500)
    values[[20, 21, 60]] = [np.nan, np.inf, -np.inf]
    curve = LossCurve({"loss": values, "val_loss": (np.arange(0, 500, 50), values[::50] + 1)}, smoothing=0.6, log=True)
    curve.mark(100, "lr 0.1 → 0.01")
    curve.branch("lr 0.05", 250)
    for i in range(250, 400):
        curve.add(step=i, run="lr 0.05", loss=1 / i)
    return curve


def test_every_number_shown_is_the_engines() -> None:
    losses = [torch.tensor(v, dtype=torch.float32).item() for v in noisy(200)]
    shown = LossCurve(losses).to_json()["lines"][0]["points"]
    assert shown["single"]
    assert np.float32(shown["values"]).astype(float).tolist() == losses
    doubles = noisy(200).tolist()
    shown = LossCurve(doubles).to_json()["lines"][0]["points"]
    assert (shown["single"], shown["values"]) == (False, doubles)


def test_the_text_says_first_last_and_lowest() -> None:
    text = LossCurve({"loss": [3.0, 1.0, math.nan, 2.0]}).to_text().splitlines()
    assert text[0] == "Loss: 1 curve, steps 0 to 3"
    assert text[2].split() == ["loss", "4", "3", "2", "3", "1", "1", "1"]


def test_everything_is_deterministic_and_well_formed() -> None:
    a, b = full(), full()
    assert a._repr_mimebundle_() == b._repr_mimebundle_()
    assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
    for theme in ("light", "dark"):
        ET.fromstring(a.to_svg(theme))
    assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
    assert "at step 100: lr 0.1 → 0.01" in a.to_text()


def test_the_same_under_any_hash_seed() -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from gradviz.widgets.training.loss_curve import LossCurve\n"
        "c = LossCurve({'b': {'x': [1, 2], 'y': [2, 3]}, 'a': {'y': np.sqrt(np.arange(9000.)), 'z': [1]}})\n"
        "print(hashlib.sha256(c.to_html().encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "7")
    }
    assert len(runs) == 1


def test_hostile_names_are_text() -> None:
    curve = LossCurve({name: [1.0, 2.0] for name in HOSTILE}, title=HOSTILE[0])
    for name in HOSTILE:
        curve.mark(1, name)
        curve.branch(name, 1)
        curve.add({name: 1}, step=1, run=name)
    svg, html = curve.to_svg(), curve.to_html()
    ET.fromstring(svg)
    assert "<script>alert" not in svg + html + curve.to_text().replace(HOSTILE[0], "")
    assert "\u202e" not in svg + html + curve.to_text()
    assert len(html) < BUDGET
    assert len(curve.to_text()) < 30_000
    assert "\n".join(curve.to_text().splitlines()).isprintable() or "\n" in curve.to_text()


def test_nothing_one_point_and_constants() -> None:
    for source in (None, [], [1.0], [5.0] * 10, [math.nan], [math.inf, -math.inf], {"a": [], "b": [1]}, [0.0, -1.0]):
        for log in (False, True):
            curve = LossCurve(source, log=log, smoothing=0.5)
            ET.fromstring(curve.to_svg())
            curve.to_html()
    assert "no values yet" in LossCurve().to_text()
    assert "no values yet" in LossCurve().to_svg()


def test_many_curves_are_shown_in_part_and_said_so() -> None:
    curve = LossCurve({f"run {i}": {"loss": noisy(2000, i)} for i in range(40)})
    assert len(curve.to_json()["lines"]) == MOST
    assert curve.to_json()["left_out"] == 40 - MOST
    assert f"{40 - MOST} more curves are not shown" in curve.to_text()
    assert "more" in curve.to_svg()
    assert len(curve.to_html()) <= BUDGET


def test_a_snapshot_stays() -> None:
    curve = full()
    still = curve.snapshot()
    before = still.to_html()
    assert before.split("<script")[0] == curve.to_html().split("<script")[0]
    curve.add(step=600, loss=1)
    assert still.to_html() == before
    assert still.still
