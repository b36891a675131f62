"""ScalerTimeline: it says what the scaler did, and changes nothing about it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.precision.scaler_timeline import ScalerTimeline

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def train(bad: tuple[int, ...], steps: int = 30, watched: bool = True, **settings: Any) -> tuple[Any, Any, list[float]]:
    """A run with infinite gradients at some steps: (log, scaler, the scale after each step)."""
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([p], 0.01)
    scaler = torch.amp.GradScaler("cpu", growth_interval=6, **settings)
    log, scales = ScalerTimeline.record(scaler), []
    if watched:
        log.__enter__()
    for i in range(steps):
        optimizer.zero_grad()
        scaler.scale((p * p).sum()).backward()
        if i in bad:
            p.grad.mul_(math.inf)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    if watched:
        log.__exit__(None, None, None)
    return log, scaler, [*scales, *p.tolist()]


def test_it_says_what_happened() -> None:
    log, scaler, told = train((0, 1, 12, 13))
    view = ScalerTimeline(log)
    assert view.skipped == [0, 1, 12, 13]
    assert [u.after for u in view.updates] == told[:-2]
    assert [u.before for u in view.updates][1:] == told[:-3]
    assert view.updates[-1].tracker == scaler._get_growth_tracker()
    grown = [i for i, u in enumerate(view.updates) if u.what == "grown"]
    assert grown == [7, 19, 25]
    rows = view.table()
    assert [row[0] for row in rows[1:]] == [str(i) for i in sorted([*view.skipped, *grown])]


def test_watching_changes_nothing() -> None:
    bad = (3, 9, 10)
    _, one, watched = train(bad)
    _, two, alone = train(bad, watched=False)
    assert watched == alone
    assert one.state_dict() == two.state_dict()
    assert one._watchers == ()


def test_a_scale_set_by_hand_and_one_that_is_no_power() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1000.0)
    with ScalerTimeline.record(scaler) as log:
        scaler.scale(torch.ones(1))
        scaler.update(24.0)
        scaler.update(64.0)
    view = ScalerTimeline(log)
    assert view.table()[1:] == [["0", "set by hand", "1000", "24"], ["1", "set by hand", "24", "2^6"]]


def test_a_long_run_keeps_its_end() -> None:
    scaler = torch.amp.GradScaler("cpu")
    with ScalerTimeline.record(scaler) as log:
        scaler.scale(torch.ones(1))
        for i in range(4100):
            scaler.update(float(i + 1))
    view = ScalerTimeline(log)
    assert view.left_out == 100
    assert view.updates[0].after == 101
    assert "100 earlier" in view.to_text()
    log, *_ = train((), steps=1000)
    assert len(ScalerTimeline(log).to_html()) < 120_000


def test_bad_input_says_what_to_do() -> None:
    scaler = torch.amp.GradScaler("cpu")
    with pytest.raises(TypeError, match="takes a GradScaler"):
        ScalerTimeline.record(torch.ones(1))
    with pytest.raises(TypeError, match=r"ScalerTimeline\.record"):
        ScalerTimeline(scaler)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"scaler\.update"):
        ScalerTimeline(ScalerTimeline.record(scaler))


def test_the_same_bytes_twice_and_hostile_titles() -> None:
    first, second = (ScalerTimeline(train((2, 5))[0], title=HOSTILE) for _ in range(2))
    assert first.to_html() == second.to_html()
    for text in (first.to_html(), first.to_svg()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
        assert "\u202e" not in text
    json.dumps(first.to_json(), allow_nan=False)


def test_a_scale_that_falls_to_zero() -> None:
    log, *_ = train(tuple(range(30)), init_scale=1e-30, backoff_factor=1e-9)
    view = ScalerTimeline(log)
    assert view.updates[-1].after == 0.0
    view.to_html()
    json.dumps(view.to_json(), allow_nan=False)
