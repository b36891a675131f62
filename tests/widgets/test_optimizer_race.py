"""`OptimizerRace`: each walk is what its optimiser does alone, any class may run, and nothing outside is changed."""

from __future__ import annotations

import copy
import functools
import json
import math
import os
import random
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn, optim
from gradviz.optim import SGD, Adam, AdamW, RMSprop
from gradviz.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau
from gradviz.widgets.optim.classics import CLASSICS
from gradviz.widgets.optim.optimizer_race import OptimizerRace
from gradviz.widgets.timeline import Timeline


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y


class Mine:
    """A learner's own: no base class, no zero_grad, its buffer in a list."""

    def __init__(self, params: Any, lr: float) -> None:
        self.params, self.lr = list(params), lr
        self.memory = [torch.zeros(()) for _ in self.params]

    def step(self) -> None:
        with torch.no_grad():
            for i, p in enumerate(self.params):
                self.memory[i] = 0.8 * self.memory[i] + p.grad.sign()
                p -= self.lr * self.memory[i]


class Own(optim.Optimizer):
    """A learner's own in torch's style."""

    def __init__(self, params: Any, lr: float = 0.05) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["last"] = p.grad.clone()
                    p -= group["lr"] * p.grad


def by_hand(make: Any, start: Any, steps: int, clip: float | None = None) -> list[list[float]]:
    """The same walk written out, without the view."""
    point = [torch.tensor(v, requires_grad=True) for v in start]
    made = make(point)
    stepper, *schedulers = made if isinstance(made, tuple) else (made,)
    path = [[p.item() for p in point]]

    def closure() -> Any:
        for p in point:
            p.grad = None
        loss = valley(*point)
        loss.backward()
        return loss

    for _ in range(steps):
        closure()
        if clip is not None:
            nn.utils.clip_grad_norm_(point, clip)
        if isinstance(stepper, optim.LBFGS):
            stepper.step(closure)
        else:
            stepper.step()
        for scheduler in schedulers:
            scheduler.step()
        path.append([p.item() for p in point])
    return path


def with_cosine(params: Any) -> Any:
    stepper = SGD(params, lr=0.1)
    return stepper, CosineAnnealingLR(stepper, 20)


MAKERS: dict[str, Any] = {
    "SGD": lambda p: SGD(p, lr=0.1),
    "momentum": functools.partial(SGD, lr=0.05, momentum=0.9),
    "Adam": (Adam, {"lr": 0.3}),
    "cosine": with_cosine,
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.5),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.1),
    "mine": lambda p: Mine(p, lr=0.05),
    "own": Own,
}


@pytest.mark.parametrize("clip", [None, 1.5])
def test_each_walk_is_what_the_optimiser_does_alone(clip: float | None) -> None:
    race = OptimizerRace(valley, (-4.0, 2.0), MAKERS, 20, clip=clip)
    for runner, walk in zip(race.runners, race.walks, strict=True):
        assert walk.path == by_hand(runner.make, (-4.0, 2.0), 20, clip), runner.name
        for place, loss in zip(walk.path, walk.losses, strict=True):
            assert loss == valley(*(torch.tensor(v) for v in place)).item()
    assert race.walks[4].calls > 21, "LBFGS asks more often than once a step"
    known = {r["name"]: r["recipe"] is not None for r in race.to_json()["runners"]}
    assert known == {name: name in ("SGD", "momentum", "Adam", "cosine") for name in MAKERS}


@pytest.mark.parametrize("name", sorted(set(optim.__all__) - {"Optimizer", "Muon", "lr_scheduler", "swa_utils"}))
def test_every_optimiser_of_the_library_can_run(name: str) -> None:
    race = OptimizerRace("himmelblau", optimizers=[getattr(optim, name)], steps=6, lr=0.01)
    assert race.walks[0].losses[-1] < race.walks[0].losses[0]
    assert race.runners[0].name == name
    ET.fromstring(race.to_svg())


def test_the_last_numbers_are_in_every_form() -> None:
    race = OptimizerRace(valley, (-4.0, 2.0), MAKERS, 20)
    text, data = race.to_text(), race.to_json()
    for runner, walk, packed in zip(race.runners, race.walks, data["runners"], strict=True):
        assert runner.name in text
        assert format(walk.losses[-1], ".6g") in text
        assert packed["walk"]["losses"][-1] == pytest.approx(walk.losses[-1], rel=1e-8)
        assert packed["walk"]["path"][-1] == pytest.approx(walk.path[-1], rel=1e-8)
    assert repr(race) == text


def test_the_target_and_who_reached_it() -> None:
    race = OptimizerRace(valley, (-4.0, 2.0), {"a": lambda p: SGD(p, lr=0.1), "b": lambda p: SGD(p, lr=0.001)}, 50)
    least = min(min(walk.losses) for walk in race.walks)
    assert race.target == pytest.approx(least + 0.01 * (16 - least), rel=0.01)
    step = race.reached(race.walks[0])
    assert step is not None
    assert race.walks[0].losses[step] <= race.target < race.walks[0].losses[step - 1]
    assert race.reached(race.walks[1]) is None
    assert [row[4] for row in race.table()[1:]] == [f"step {step}", "not reached"]
    assert OptimizerRace(valley, (1.0, 1.0), [SGD], 3, target=0.5).target == 0.5


def test_what_runs_away_is_said() -> None:
    makers = {"wild": lambda p: SGD(p, lr=0.9), "far": lambda p: SGD(p, lr=0.51), "fine": lambda p: SGD(p, lr=0.1)}
    race = OptimizerRace(valley, (-4.0, 2.0), makers, 150, bounds=((-5, 5), (-3, 3)))
    wild, far, fine = (race.fate(walk) for walk in race.walks)
    assert wild.startswith("not a finite number from step ")
    first = int(wild.split()[-1])
    assert not math.isfinite(race.walks[0].losses[first])
    assert math.isfinite(race.walks[0].losses[first - 1])
    assert far.startswith("left the picture at step ")
    left = int(far.split()[-1])
    assert abs(race.walks[1].path[left][1]) > 3 >= abs(race.walks[1].path[left - 1][1])
    assert fine == ""
    assert wild in race.to_text()
    assert wild in race.to_svg()
    json.dumps(race.to_json(), allow_nan=False)


def test_schedulers_are_followed() -> None:
    def plateau(params: Any) -> Any:
        stepper = SGD(params, lr=0.1)
        return stepper, ReduceLROnPlateau(stepper, patience=0)

    race = OptimizerRace(valley, (-4.0, 2.0), {"cosine": with_cosine, "plateau": plateau}, 20)
    cosine, plateau_ = race.to_json()["runners"]
    assert cosine["recipe"]["schedule"]["lr"][10][0] == pytest.approx(0.05)
    assert plateau_["recipe"] is None
    assert "scheduler" in plateau_["why"]


def noisy(x: Any, y: Any) -> Any:
    return 0.5 * (x + 0.5 * torch.randn(())) ** 2 + 2 * (y + 0.5 * torch.randn(())) ** 2


def test_noise_is_the_same_for_each_and_nothing_is_used_up() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state().tolist(), random.getstate()
    race = OptimizerRace(noisy, (-4.0, 2.0), {"a": lambda p: SGD(p, lr=0.1), "b": lambda p: SGD(p, lr=0.1)}, 20)
    assert before == (torch.get_rng_state().tolist(), random.getstate())
    assert race.walks[0].path == race.walks[1].path
    assert race.program is None
    assert "different things" in race.why
    other = OptimizerRace(noisy, (-4.0, 2.0), [(SGD, {"lr": 0.1})], 20, seed=1)
    assert other.walks[0].path != race.walks[0].path
    clean = OptimizerRace(noisy, (-4.0, 2.0), [(SGD, {"lr": 0.1})], 20, surface=valley)
    assert clean.walks[0].path == race.walks[0].path
    for place, loss in zip(clean.walks[0].path, clean.walks[0].losses, strict=True):
        assert loss == valley(*(torch.tensor(v) for v in place)).item()
    assert clean.program is None


def test_a_race_of_models_trains_copies() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
    x, y = torch.randn(32, 2), torch.randn(32, 1)
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state().tolist()
    race = OptimizerRace(
        lambda m: nn.functional.mse_loss(m(x), y),
        model=model,
        optimizers=[SGD, Adam, Mine, optim.LBFGS],
        lr=0.05,
        steps=9,
    )
    assert torch.get_rng_state().tolist() == state
    assert all((before[key] == value).all() for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training
    assert len({walk.losses[0] for walk in race.walks}) == 1, "all begin with the same weights and the same noise"
    assert all(race.walks[i].losses[-1] < race.walks[i].losses[0] for i in (0, 1))
    data = race.to_json()
    assert data["terrain"] is None
    assert "path" not in data["runners"][0]["walk"]
    ET.fromstring(race.to_svg())
    assert len(race.to_html()) < 120_000
    assert "the loss of Sequential" in race.to_text()
    with pytest.raises(ValueError, match="has no map"):
        race.to_svg("3d")


def test_the_classics_are_what_they_say() -> None:
    for name, known in CLASSICS.items():
        for place in known.minima:
            point = [torch.tensor(float(v), requires_grad=True) for v in place]
            low = known.fn(*point)
            low.backward()
            assert all(abs(p.grad.item()) < 0.01 for p in point), name
            for dx, dy in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
                near = known.fn(torch.tensor(place[0] + dx), torch.tensor(place[1] + dy))
                assert near.item() > low.item(), name
        race = OptimizerRace(name, steps=30, lr=0.003)
        assert race.program is not None, (name, race.why)
        assert len(race.to_html()) < 120_000


def test_functions_of_one_number() -> None:
    race = OptimizerRace(lambda t: (t - 2) ** 2, 0.0, [(SGD, {"lr": 0.1}), (Adam, {"lr": 0.3})], 20)
    ET.fromstring(race.to_svg())
    assert race.to_json()["terrain"]["curve"].startswith("M")
    with pytest.raises(ValueError, match="needs a function of two numbers"):
        race.to_svg("3d")


def test_everything_is_deterministic() -> None:
    code = (
        "import hashlib; from gradviz.optim import SGD, Adam, LBFGS;"
        "from gradviz.widgets.optim.optimizer_race import OptimizerRace;"
        "make = lambda: OptimizerRace('beale', optimizers=[SGD, Adam, LBFGS], lr=0.01, steps=25);"
        "a, b = make(), make(); assert a.to_html() == b.to_html();"
        "print(hashlib.sha256((a.to_html() + a.to_svg('3d') + a.to_text()).encode()).hexdigest())"
    )
    found = set()
    for seed in ("0", "1", "77"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        found.add(done.stdout)
    assert len(found) == 1


def test_many_and_long_stay_small() -> None:
    many = {f"rate {i}": functools.partial(Adam, lr=0.02 * (i + 1)) for i in range(12)}
    race = OptimizerRace("himmelblau", optimizers=many, steps=300)
    assert race.to_json()["every"] > 1
    assert len(race.to_html()) < 160_000
    assert len(race.to_json()["runners"][0]["walk"]["losses"]) <= 101
    with pytest.raises(ValueError, match="at most 24 runners"):
        OptimizerRace(valley, (0.0, 1.0), {str(i): SGD for i in range(25)})


def test_names_are_text_and_differ() -> None:
    evil = '</script><b onmouseover="x">\u202e\n' + "z" * 10_000
    race = OptimizerRace(valley, (-1.0, 1.0), {evil: SGD, evil + "2": SGD, "": AdamW}, 3, lr=0.1)
    names = [runner.name for runner in race.runners]
    assert len(set(names)) == 3
    for text in (race.to_html(), race.to_svg(), race.to_svg("3d")):
        assert "<b onmouseover" not in text
        assert "\u202e" not in text
        assert len(text) < 120_000
    ET.fromstring(race.to_svg())
    twice = OptimizerRace(valley, (-1.0, 1.0), [SGD, SGD, (RMSprop, {"lr": 0.5}), ("named", Adam)], 3, lr=0.1)
    assert [runner.name for runner in twice.runners] == ["SGD", "SGD (2)", "RMSprop lr=0.5", "named"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("rosenbrook",), ValueError, "there are beale, cliff"),
        ((valley, (1, 2, 3)), ValueError, "the start has 3"),
        ((valley, (0.0, 1.0), [3]), TypeError, "An entry of optimizers must be"),
        ((valley, (0.0, 1.0), ["Adam"]), TypeError, "An entry of optimizers must be"),
        ((valley, (0.0, 1.0), "Adam"), TypeError, "An entry of optimizers must be"),
        ((valley, (0.0, 1.0), [SGD([torch.tensor(1.0)], lr=0.1)]), TypeError, "already has its parameters"),
        ((valley, (0.0, 1.0), [lambda p: 3]), TypeError, r"needs a step\(\) method"),
        ((valley, (0.0, 1.0), []), ValueError, "at least one optimiser"),
        ((valley, (0.0, 1.0), [SGD], 0), ValueError, "at least one step"),
    ],
)
def test_bad_input_is_explained(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        OptimizerRace(*arguments)


def test_whose_step_failed_is_said() -> None:
    class Broken(Mine):
        def step(self) -> None:
            raise RuntimeError("oh")

    with pytest.raises(RuntimeError, match="oh") as failed:
        OptimizerRace(valley, (0.0, 1.0), {"good": SGD, "bad one": lambda p: Broken(p, 0.1)})
    assert "bad one" in "".join(failed.value.__notes__)
    with pytest.raises(ValueError, match="give no start"):
        OptimizerRace(lambda m: m, (0.0, 1.0), [SGD], model=nn.Linear(1, 1))


def test_the_page_is_answered() -> None:
    race = OptimizerRace(valley, (-4.0, 2.0), MAKERS, 20, timeline=Timeline("race"))
    told: list[Any] = []
    race.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    race.hear({"id": 7, "start": [1.0, -2.0], "steps": 20, "which": [6, 99]}, [])
    assert told[0]["id"] == 7
    assert list(told[0]["walks"]) == ["6"]
    assert told[0]["walks"]["6"]["path"][-1] == pytest.approx(by_hand(MAKERS["mine"], (1.0, -2.0), 20)[-1])
    assert told[0]["walks"]["6"]["terms"]["state.memory"][0] == [1.0, -1.0]
    for bad in ({"start": [1.0], "steps": 5, "which": [0]}, {"start": [math.nan, 1.0], "steps": 5, "which": [0]}):
        with pytest.raises(ValueError, match="start"):
            race.hear(bad, [])
    assert race.to_json()["timeline"] == "race"


def test_nothing_of_the_learner_runs_beside_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Any] = []

    class Shell:
        class kernel:
            class io_loop:
                add_callback = staticmethod(waiting.append)

    race = OptimizerRace(valley, (-4.0, 2.0), MAKERS, 20)
    told: list[Any] = []
    race.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    monkeypatch.setattr("IPython.get_ipython", Shell)
    asked = {"id": 7, "start": [1.0, -2.0], "steps": 20, "which": [6]}
    thread = threading.Thread(target=race.hear, args=(asked, []))
    thread.start()
    thread.join()
    assert (told, len(waiting)) == ([], 1)
    waiting[0]()
    assert list(told[0]["walks"]) == ["6"]
