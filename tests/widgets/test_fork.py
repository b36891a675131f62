"""Forks: branches of a run from any iteration, bit for bit the run where nothing is changed."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.optim.lr_scheduler import StepLR
from gradviz.widgets.training.fork import Branch, fork
from gradviz.widgets.training.keyframes import Keyframes
from gradviz.widgets.training.trainer import Trainer
from tests.waiting import until
from tests.widgets.trainer_runs import losses_of, parts, plain, state_of

EPOCHS = 3

# -- fork ------------------------------------------------------------------------------------------------------------
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.AdamW(p, lr=0.01),
    "own": lambda p: Own(p, 0.05),
}


class Own:
    """An optimiser as a learner writes it first: no base class, its own list of velocities."""

    def __init__(self, params: Any, lr: float, momentum: float = 0.9) -> None:
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.velocity = [torch.zeros_like(p) for p in self.params]

    def zero_grad(self) -> None:
        for p in self.params:
            p.grad = None

    def step(self) -> None:
        with torch.no_grad():
            for p, v in zip(self.params, self.velocity, strict=True):
                v.mul_(self.momentum).add_(p.grad)
                p.sub_(v * self.lr)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fork_that_changes_nothing_is_the_run(name: str) -> None:
    model, optimizer, loss_fn, loader = parts(OPTIMIZERS[name], generator=torch.Generator().manual_seed(3))
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=4, keep=3, evaluate=lambda: random.random())
    if name != "own":
        trainer.schedulers = [StepLR(optimizer, 1, gamma=0.5)]
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    trainer.run()
    want, values = losses_of(trainer), losses_of(trainer, tag="val_loss")
    end, place = state_of(trainer), (trainer.state, trainer.iteration)
    drawn = (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    for at in (0, 1, 5, 6, 7, 11, 12, 23):
        branch = fork(trainer, at)
        assert losses_of(trainer, branch.name) == want[at:], at
        if at < 23:
            found = losses_of(trainer, branch.name, "val_loss")
            assert found == values[-len(found) - 1 : -1] or found == values[-len(found) :]
    assert state_of(trainer) == end
    assert (trainer.state, trainer.iteration) == place
    assert drawn == (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert losses_of(trainer) == want


def test_a_fork_follows_what_was_turned_before_and_after() -> None:
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=4, keep=2)
    usual = trainer.step

    def step(batch: Any) -> Any:
        turns = {3: {"lr": 0.05}, 9: {"momentum": 0.5}, 14: {"clip": 0.1}, 17: {"lr": 0.2}, 18: {"clip": None}}
        if trainer._sink is None and trainer.iteration in turns:
            trainer.set(**turns[trainer.iteration])  # is heard before the next step
        return usual(batch)

    trainer.step = step
    trainer.run()
    want = losses_of(trainer)
    assert [c[0] for c in trainer.changes] == [4, 10, 15, 18, 19]
    for at in (0, 2, 4, 5, 12, 16, 18, 19, 22):
        assert losses_of(trainer, fork(trainer, at).name) == want[at:], at
    other = fork(trainer, 12, lr=0.0)
    assert losses_of(trainer, other.name)[0] == want[12]
    assert [c for c in other.changes if c[1] == "lr"] == [(4, "lr", 0.05), (12, "lr", 0.0)]
    assert trainer.knobs.read() == {"lr": 0.2, "momentum": 0.5, "clip": None}


def test_a_fork_equals_a_run_that_was_turned_there() -> None:
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS).run()
    branch = fork(trainer, 7, lr=0.01, momentum=0.0, clip=0.5)
    model, optimizer, loss_fn, loader = parts()
    other = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS)
    for _ in range(7):
        other.one()
    other.set(lr=0.01, momentum=0.0, clip=0.5)
    other.run()
    assert losses_of(trainer, branch.name) == losses_of(other)[7:]
    assert branch.name == "from 7: lr 0.01, momentum 0, clip 0.5"
    assert trainer.curve.lines[branch.name, "loss"].start == 7

    second = fork(branch, 12, lr=0.3)
    model, optimizer, loss_fn, loader = parts()
    third = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS)
    third.one(7)
    third.set(lr=0.01, momentum=0.0, clip=0.5)
    third.one(5)
    third.set(lr=0.3)
    third.run()
    assert losses_of(trainer, second.name) == losses_of(third)[12:]

    end = losses_of(third)
    second.adopt()
    trainer.run(epochs=1) if trainer.state == "finished" else trainer.run()
    third.run(epochs=1)
    grown = losses_of(trainer, second.name)
    assert grown[: len(end) - 12] == end[12:]
    assert trainer.run_name == second.name


def test_a_fork_of_a_run_in_its_thread_leaves_it_alone(threads: None) -> None:
    want, drawn = plain()
    model, optimizer, loss_fn, loader = parts()
    asked = threading.Event()

    def loss_of(*both: Any) -> Any:
        if trainer.iteration == 7:
            assert asked.wait(10)  # else the run could have ended before it is to pause
        return loss_fn(*both)

    trainer = Trainer(model, optimizer, loss_of, loader, epochs=EPOCHS, interactive=True)
    trainer.run()
    until(lambda: trainer.iteration == 7)
    trainer.pause()
    asked.set()
    until(lambda: trainer.state == "paused")
    at = trainer.iteration - 3
    branch = fork(trainer, at, steps=5)
    assert losses_of(trainer, branch.name) == want[at : at + 5]
    assert trainer.state == "paused"
    trainer.resume()
    trainer.wait()
    assert losses_of(trainer) == want
    assert torch.rand(3).tolist() == drawn


def test_a_branch_can_be_ended_early(threads: None) -> None:
    trainer = Trainer(loader=range(10_000), step=lambda b: time.sleep(0.001) or float(b), interactive=True).run()
    until(lambda: trainer.iteration > 5)
    trainer.pause()
    until(lambda: trainer.state == "paused")
    at, found = trainer.iteration, []
    other = threading.Thread(target=lambda: found.append(fork(trainer, 2, steps=5000)))
    other.start()
    until(lambda: trainer.state == "forking" and trainer.iteration > 10)
    trainer.stop()
    other.join()
    assert 10 < found[0].iteration < 5000
    assert (trainer.state, trainer.iteration) == ("paused", at)
    again = threading.Thread(target=lambda: found.append(fork(trainer, 2, steps=50)))
    trainer.resume()
    until(lambda: trainer.iteration > at)
    again.start()
    until(lambda: trainer.state == "forking")
    trainer.pause()
    again.join()
    until(lambda: trainer.state == "paused")
    assert found[1].iteration == 52


def test_forks_that_cannot_be(threads: None) -> None:
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader)
    with pytest.raises(RuntimeError, match="No state"):
        fork(trainer, 0)
    trainer.run()
    for at in (-1, 7):
        with pytest.raises(ValueError, match="0 to 6"):
            fork(trainer, at)
    for what in (1.5, "3", True):
        with pytest.raises(TypeError, match="whole number"):
            fork(trainer, what)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps="):
        fork(trainer, 6)
    with pytest.raises(ValueError, match="lr must be"):
        fork(trainer, 2, lr=-1)
    with pytest.raises(TypeError, match="Trainer"):
        fork(model, 2)
    own = Trainer()
    list(own.steps([1, 2]))
    with pytest.raises(RuntimeError, match="loop of your own"):
        fork(own, 1)
    once = Trainer(loader=iter([1, 2]), step=lambda b: float(b)).run()
    with pytest.raises(RuntimeError, match="once only"):
        fork(once, 1)
    none = Trainer(loader=[1, 2], step=lambda b: float(b), keep=0).run()
    with pytest.raises(RuntimeError, match="keep=8"):
        fork(none, 1)


def test_an_error_in_a_branch_leaves_the_run_as_it_was() -> None:
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=2).run()
    usual, end = trainer.step, state_of(trainer)
    trainer.step = lambda batch: usual(batch) if optimizer.param_groups[0]["lr"] == 0.1 else 1 / 0
    with pytest.raises(ZeroDivisionError):
        fork(trainer, 4, lr=0.2)
    assert state_of(trainer) == end
    assert (trainer.state, trainer.iteration, optimizer.param_groups[0]["lr"]) == ("finished", 12, 0.1)


def test_keyframes_are_bounded_and_evenly_spread() -> None:
    for keep in (1, 2, 3, 8):
        frames = Keyframes(keep)
        copies = 0
        for i in range(1000):
            if frames.due(i):
                copies += 1
                frames.add(Branchless(i))  # type: ignore[arg-type]
        kept = [f.iteration for f in frames.frames]
        assert kept[0] == 0
        assert len(kept) <= keep
        if keep > 1:
            gaps = set(np.diff(kept).tolist())
            assert len(gaps) == 1
        assert copies < 12 * keep + 12
        assert frames.before(999) is not None
    small = Keyframes(8, most_bytes=250)
    for i in range(100):
        if small.due(i):
            small.add(Branchless(i))  # type: ignore[arg-type]
    assert 1 <= len(small.frames) <= 2


class Branchless:
    def __init__(self, iteration: int) -> None:
        self.iteration, self.state = iteration, {"x": np.zeros(100, dtype=np.uint8)}


def test_a_branch_says_what_it_is() -> None:
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader).run()
    branch = fork(trainer, 2, lr=0.01, name="<b>slow</b>")
    assert isinstance(branch, Branch)
    assert repr(branch) == "Branch('<b>slow</b>', steps 2 to 5)"
    again = fork(trainer, 2, lr=0.01)
    third = fork(trainer, 2, lr=0.01)
    assert (again.name, third.name) == ("from 2: lr 0.01", "from 2: lr 0.01 #2")
