"""`ScheduleView`: the rates are those of the real schedules, to the last bit, and nothing of the learner's moves."""

from __future__ import annotations

import copy
import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import gradviz as torch
from gradviz.optim import lr_scheduler as S
from gradviz.optim.swa_utils import SWALR
from gradviz.widgets.optim import schedule_about
from gradviz.widgets.optim.schedule_view import MOST, ScheduleView
from gradviz.widgets.timeline import Timeline

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
METRICS = [1.0, 0.8, 0.7, 0.71, 0.72, 0.7, 0.73, 0.74, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65]


def optimizer(kind: Any = None, groups: int = 2, lr: float = 0.1) -> Any:
    kind = kind or torch.optim.SGD
    parts = [{"params": [torch.ones(3, requires_grad=True)], "lr": lr * 0.5**i} for i in range(groups)]
    return kind(parts, lr=lr, **({"momentum": 0.9} if kind is torch.optim.SGD else {}))


MAKERS: dict[str, Any] = {
    "LambdaLR": lambda o: S.LambdaLR(o, lambda k: 0.95**k),
    "MultiplicativeLR": lambda o: S.MultiplicativeLR(o, lambda k: 0.9 if k % 2 else 1.0),
    "StepLR": lambda o: S.StepLR(o, 7, gamma=0.3),
    "MultiStepLR": lambda o: S.MultiStepLR(o, [5, 5, 12], gamma=0.5),
    "ConstantLR": lambda o: S.ConstantLR(o, factor=0.25, total_iters=6),
    "LinearLR": lambda o: S.LinearLR(o, 0.1, 0.8, total_iters=9),
    "ExponentialLR": lambda o: S.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: S.PolynomialLR(o, total_iters=15, power=2.0),
    "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 10, eta_min=0.001),
    "CosineAnnealingWarmRestarts": lambda o: S.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=1e-4),
    "CyclicLR": lambda o: S.CyclicLR(o, 0.01, 0.2, step_size_up=4, step_size_down=6, mode="triangular2"),
    "OneCycleLR": lambda o: S.OneCycleLR(o, [0.3, 0.1][: len(o.param_groups)], total_steps=28, three_phase=True),
    "SequentialLR": lambda o: S.SequentialLR(
        o, [S.LinearLR(o, 0.1, total_iters=5), S.CosineAnnealingLR(o, 12), S.ConstantLR(o, 0.5, 3)], [5, 17]
    ),
    "ChainedScheduler": lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.2, total_iters=8), S.ExponentialLR(o, 0.95)]),
    "ReduceLROnPlateau": lambda o: S.ReduceLROnPlateau(o, patience=2, factor=0.5, cooldown=1, min_lr=[0.02, 0.001]),
    "SWALR": lambda o: SWALR(o, swa_lr=[0.05, 0.01], anneal_epochs=8, anneal_strategy="linear"),
}


def lived(make: Any, steps: int, kind: Any = None) -> tuple[list[list[float]], list[list[float]]]:
    """The rates and momenta of a real training: step k uses what stands before it."""
    o = optimizer(kind)
    s = make(o)
    rates, momenta = [], []
    for k in range(steps):
        rates.append([float(v) for v in s.get_last_lr()])
        momenta.append([g["betas"][0] if "betas" in g else g["momentum"] for g in o.param_groups])
        o.step()
        if k < steps - 1:
            s.step(METRICS[k]) if isinstance(s, S.ReduceLROnPlateau) else s.step()
    return [list(c) for c in zip(*rates, strict=True)], [list(c) for c in zip(*momenta, strict=True)]


def shown(name: str, steps: int, kind: Any = None) -> ScheduleView:
    metrics = METRICS if name == "ReduceLROnPlateau" else None
    return ScheduleView(MAKERS[name](optimizer(kind)), steps, metrics=metrics)


def test_every_scheduler_is_tried() -> None:
    assert set(S.__all__) - {"LRScheduler"} <= set(MAKERS)
    assert set(schedule_about.SENTENCES) == set(MAKERS)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam], ids=["SGD", "Adam"])
@pytest.mark.parametrize("name", MAKERS)
def test_the_rates_are_those_of_a_real_training(name: str, kind: Any) -> None:
    steps = 15 if name == "ReduceLROnPlateau" else 28
    rates, momenta = lived(MAKERS[name], steps, kind)
    run = shown(name, steps, kind).runs[0]
    assert run.rates == rates
    assert run.momenta == momenta


@pytest.mark.parametrize("name", MAKERS)
def test_going_on_from_the_middle(name: str) -> None:
    o = optimizer()
    s = MAKERS[name](o)
    plateau = isinstance(s, S.ReduceLROnPlateau)
    for k in range(6):
        o.step()
        s.step(METRICS[k]) if plateau else s.step()
    rates, _ = lived(MAKERS[name], 14)
    view = ScheduleView(s, 8, metrics=METRICS[6:] if plateau else None)
    assert view.runs[0].rates == [row[6:14] for row in rates]
    assert view.first == 6


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_of_the_learners_moves(name: str) -> None:
    o = optimizer()
    s = MAKERS[name](o)
    o.zero_grad()
    before = (copy.deepcopy(o.state_dict()), repr(s.state_dict()), dict(vars(o)), torch.get_rng_state().tolist())
    groups, params = list(o.param_groups), [p for g in o.param_groups for p in g["params"]]
    ScheduleView(s, 20, metrics=METRICS * 2 if name == "ReduceLROnPlateau" else None).to_html()
    after = (o.state_dict(), repr(s.state_dict()), dict(vars(o)), torch.get_rng_state().tolist())
    assert before == after
    assert all(a is b for a, b in zip(groups, o.param_groups, strict=True))
    assert all(a is b for a, b in zip(params, (p for g in o.param_groups for p in g["params"]), strict=True))


def test_parameters_are_not_copied() -> None:
    class Heavy(torch.nn.Parameter):
        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("a parameter was copied")

    o = torch.optim.SGD([Heavy(torch.ones(4))], lr=0.1)
    assert ScheduleView(S.StepLR(o, 2), 4).runs[0].rates == [[0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1]]


def test_a_function_that_draws_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    o = optimizer()
    s = S.LambdaLR(o, lambda k: torch.rand(()).item())
    state = torch.get_rng_state().tolist()
    ScheduleView(s, 10)
    assert torch.get_rng_state().tolist() == state


def test_pytorchs_own_schedulers_too() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed")
    o = real.optim.SGD([real.zeros(2, requires_grad=True)], lr=0.1)
    s = real.optim.lr_scheduler.StepLR(o, 3)
    view = ScheduleView(s, 8)
    wanted = []
    for _ in range(8):
        wanted.append(s.get_last_lr()[0])
        o.step()
        s.step()
    assert view.runs[0].rates == [wanted]
    assert "every 3 steps" in view.to_text()


def test_the_learners_own_schedule() -> None:
    class Warm(S.LRScheduler):
        """Rises by a tenth each step.

        And so on.
        """

        def get_lr(self) -> list[float]:
            return [base * (1 + 0.1 * self.last_epoch) for base in self.base_lrs]

    class Mine(S.StepLR):
        pass

    view = ScheduleView([Warm(optimizer(groups=1)), Mine(optimizer(groups=1), 4)], 5)
    assert view.runs[0].rates == [[0.1 * (1 + 0.1 * k) for k in range(5)]]
    assert "Rises by a tenth each step." in view.to_text()
    assert "Mine extends StepLR, which multiplies the rate by 0.1 every 4 steps" in view.to_text()


def test_onecycle_ends_and_says_so() -> None:
    view = ScheduleView(
        {"one": S.OneCycleLR(optimizer(groups=1), 0.1, total_steps=10), "step": S.StepLR(optimizer(), 9)}, 30
    )
    assert (view.runs[0].steps, view.runs[1].steps) == (11, 30)
    assert "one ends with step 10" in view.to_text()
    assert ScheduleView(S.OneCycleLR(optimizer(), 0.1, total_steps=10)).steps == 10


def test_groups_are_lines_unless_they_are_the_same() -> None:
    assert [one.name for one in shown("StepLR", 9).lines()] == ["group 0", "group 1"]
    assert [one.name for one in shown("CyclicLR", 9).lines()] == ["CyclicLR"]
    o = optimizer()
    o.param_groups[0]["name"] = "backbone"
    assert [one.name for one in ScheduleView(S.StepLR(o, 3), 9).lines()] == ["backbone", "group 1"]
    several = ScheduleView({"a": S.StepLR(o, 3), "b": S.StepLR(optimizer(groups=1), 3)}, 9)
    assert [one.name for one in several.lines()] == ["a, backbone", "a, group 1", "b"]


def test_momentum_is_shown_where_it_moves() -> None:
    assert [p["name"] for p in shown("OneCycleLR", 9).panels()] == ["learning rate", "momentum"]
    assert [p["name"] for p in shown("StepLR", 9).panels()] == ["learning rate"]


def test_parts_and_marks() -> None:
    view = shown("SequentialLR", 28)
    assert view.runs[0].parts == [(0, 5, "LinearLR"), (5, 17, "CosineAnnealingLR"), (17, 27, "ConstantLR")]
    marks = {at: text for at, text, _ in view.marks()}
    assert marks[5] == "CosineAnnealingLR takes over"
    assert marks[20] == "full rate", "a part counts from where it takes over"
    assert [at for at, text, _ in shown("MultiStepLR", 28).marks()] == [5, 12]
    assert [(at, text) for at, text, _ in shown("MultiStepLR", 28).marks()] == [(5, "×0.25"), (12, "×0.5")]
    assert [at for at, *_ in shown("CosineAnnealingWarmRestarts", 28).marks()] == [4, 12]


def test_marks_are_where_the_rate_turns() -> None:
    for name in ("StepLR", "MultiStepLR", "ConstantLR"):
        view = shown(name, 28)
        rates = view.runs[0].rates[0]
        jumps = [k for k in range(1, 28) if rates[k] != rates[k - 1]]
        assert [at for at, *_ in view.marks()] == jumps


def test_what_each_part_of_a_chain_does_alone() -> None:
    view = shown("ChainedScheduler", 12)
    alone = {one.name: one.values for one in view.lines() if one.thin}
    rates = view.runs[0].rates[0]
    start = rates[0]
    assert alone["ConstantLR alone"] == pytest.approx([start] * 8 + [start * 5] * 4)
    assert alone["ExponentialLR alone"] == pytest.approx([start * 0.95**k for k in range(12)])
    assert rates == pytest.approx([a * b / start for a, b in zip(*alone.values(), strict=True)]), (
        "the chain is the product"
    )


def test_a_plateau_says_when_and_shows_its_metric() -> None:
    view = shown("ReduceLROnPlateau", 15)
    rates = view.runs[0].rates[0]
    assert [at for at, *_ in view.marks()] == [k for k in range(1, 15) if rates[k] != rates[k - 1]]
    assert view.panels()[1]["lines"][0].values == METRICS
    assert ScheduleView(MAKERS["ReduceLROnPlateau"](optimizer()), metrics=METRICS).steps == len(METRICS) + 1


def test_loss_scales_and_skipped_steps() -> None:
    scales = [65536.0] * 3 + [32768.0] * 4 + [16384.0] + [32768.0] * 2
    view = ScheduleView(S.StepLR(optimizer(), 4), 10, scales=scales)
    assert view.skipped == [2, 6], "the step after which the scale fell"
    assert "2 steps skipped after an overflow" in view.to_text()
    assert view.to_svg().count("l8 8m0 -8l-8 8") == 2
    assert ScheduleView(optimizer(), scales=scales, skipped=[1]).skipped == [1]
    assert ScheduleView(optimizer(), scales=scales).steps == 10


def test_an_optimizer_and_a_function() -> None:
    view = ScheduleView(optimizer(), 5)
    assert view.runs[0].rates == [[0.1] * 5, [0.05] * 5]
    assert "no schedule changes it" in view.to_text()
    made = ScheduleView({"a": lambda o: S.StepLR(o, 2), "b": lambda o: S.ExponentialLR(o, 0.5)}, 4, lr=1.0)
    assert made.runs[1].rates == [[1.0, 0.5, 0.25, 0.125]]


def test_two_schedules_of_one_optimizer() -> None:
    o = optimizer(groups=1)
    view = ScheduleView([S.StepLR(o, 2), S.ExponentialLR(o, 0.5)], 4)
    assert view.runs[1].rates == [[0.1, 0.05, 0.025, 0.0125]]
    assert "as if each were the only one" in view.to_text()


def test_sentences_hold_the_numbers() -> None:
    texts = {name: shown(name, 15 if name == "ReduceLROnPlateau" else 20).to_text() for name in MAKERS}
    assert "by 0.3 every 7 steps" in texts["StepLR"]
    assert "at steps 5, 5, 12" in texts["MultiStepLR"]
    assert "climbs from 0.01 to 0.2 in 4 steps and falls back in 6" in texts["CyclicLR"]
    assert "more than 2 steps in a row, then waits 1 steps" in texts["ReduceLROnPlateau"]
    for name, text in texts.items():
        place = "swa_utils.SWALR" if name == "SWALR" else f"lr_scheduler.{name}"
        assert f"torch.optim.{place}" in text
        assert "http" not in text


def test_everything_is_deterministic_well_formed_and_small() -> None:
    for name in MAKERS:
        steps = 15 if name == "ReduceLROnPlateau" else 28
        a, b = shown(name, steps), shown(name, steps)
        assert a._repr_mimebundle_() == b._repr_mimebundle_()
        assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
        ET.fromstring(a.to_svg())
        assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
        assert len(a.to_html()) < 60_000
        assert repr(a) == a.to_text()


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from gradviz.widgets.optim.schedule_view import ScheduleView as V; from gradviz.optim.lr_scheduler import *;"
        "import hashlib; v = V({'b': lambda o: StepLR(o, 3), 'a': lambda o: OneCycleLR(o, 0.1, 9)});"
        "print(hashlib.sha256(v.to_html().encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(seen) == 1


def test_many_steps_stay_small_and_keep_their_turns() -> None:
    view = ScheduleView({f"s{i}": S.CyclicLR(optimizer(), 0.01, 0.2, 137 + i) for i in range(6)}, MOST)
    html = view.to_html()
    assert len(html) < 120_000
    assert (
        len(ScheduleView({f"s{i}": S.CyclicLR(optimizer(), 0.01, 0.2, 20 + i) for i in range(12)}, 800).to_html())
        < 120_000
    )
    page = view._page()
    assert len(page["xs"]) < 2_000
    assert f"keeps {len(page['xs'])} of {MOST} steps" in page["notes"][0]
    for one, kept in zip(view.lines(), page["panels"][0]["lines"], strict=True):
        assert (max(kept["values"]), min(kept["values"])) == pytest.approx((max(one.values), min(one.values)))


def test_names_are_text() -> None:
    o = optimizer()
    o.param_groups[0]["name"] = HOSTILE
    view = ScheduleView({HOSTILE: S.StepLR(o, 3), "other": S.StepLR(optimizer(), 3)}, 6, title=HOSTILE)
    svg, html = view.to_svg(), view.to_html()
    ET.fromstring(svg)
    for text in (svg, html, view.to_text()):
        assert not {"\u202e", "\x00"} & set(text)
    assert "<img src=x" not in html
    assert html.count("<script") == 3
    assert len(html) < 60_000
    assert max(map(len, view.to_text().splitlines())) < 1_000


def test_infinite_rates_are_shown() -> None:
    view = ScheduleView(S.LambdaLR(optimizer(groups=1), lambda k: math.inf if k == 2 else 1.0), 4)
    assert view.to_json()["panels"][0]["lines"][0]["values"][2] == "inf"
    ET.fromstring(view.to_svg())


def test_a_timeline_is_handed_on() -> None:
    assert ScheduleView(optimizer(), 3, timeline=Timeline("mine"))._page()["timeline"] == "mine"


class Locked(S.LRScheduler):
    def get_lr(self) -> list[Any]:
        return self._rates()

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot pickle a lock")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ScheduleView([]), ValueError, "at least one schedule"),
        (lambda: ScheduleView(3), TypeError, "takes schedulers, optimizers, or functions"),
        (lambda: ScheduleView({"a": "StepLR"}), TypeError, "'a' is of type str"),
        (lambda: ScheduleView(S.StepLR), TypeError, "takes schedulers"),
        (lambda: ScheduleView(lambda o: o), TypeError, "must return a schedule"),
        (lambda: ScheduleView(optimizer(), 0), ValueError, "from 1 to"),
        (lambda: ScheduleView(optimizer(), 2.5), ValueError, "got 2.5"),
        (lambda: ScheduleView(S.ReduceLROnPlateau(optimizer())), ValueError, "give its values"),
        (
            lambda: ScheduleView(S.ReduceLROnPlateau(optimizer()), 9, metrics=[1.0]),
            ValueError,
            "9 steps need 8 metrics",
        ),
        (lambda: ScheduleView(S.StepLR(optimizer(), 3), metrics=[1.0]), ValueError, "none of these schedules is one"),
        (lambda: ScheduleView(S.ReduceLROnPlateau(optimizer()), metrics=["a"]), TypeError, "sequence of numbers"),
        (
            lambda: ScheduleView({"p": S.ReduceLROnPlateau(optimizer())}, metrics={"q": [1.0]}),
            KeyError,
            "no entry for 'p'",
        ),
        (lambda: ScheduleView(optimizer(), 5, skipped=[1]), ValueError, "give scales="),
        (lambda: ScheduleView(optimizer(), scales=[]), ValueError, "is empty"),
        (lambda: ScheduleView(Locked(optimizer())), TypeError, "cannot be copied.*ScheduleView\\(lambda optimizer"),
    ],
)
def test_what_cannot_be_shown(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        call()
