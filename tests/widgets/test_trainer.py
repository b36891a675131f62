"""`Trainer` and `fork`: the plain loop's numbers however it is run, control between steps, branches to the bit."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.optim.lr_scheduler import CosineAnnealingLR, StepLR
from gradviz.widgets.training.fork import fork
from gradviz.widgets.training.trainer import Paused, Trainer
from tests.waiting import until
from tests.widgets.trainer_runs import losses_of, parts, plain

EPOCHS = 3


# -- the same numbers ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("interactive", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_it_is_the_plain_loop(interactive: bool, workers: int, threads: None) -> None:
    want, drawn = plain(workers=workers)
    model, optimizer, loss_fn, loader = parts(workers=workers)
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS, interactive=interactive)
    assert trainer.total == len(want)
    trainer.run().wait()
    assert losses_of(trainer) == want
    assert torch.rand(3).tolist() == drawn
    assert repr(trainer) == f"Trainer(finished, {len(want)} of {len(want)} steps)"


def test_a_loop_of_ones_own_is_two_lines_different() -> None:
    want, drawn = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer()
    model.train()
    for x, y in trainer.steps(loader, epochs=EPOCHS):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        trainer.log(loss=loss, accuracy=1)
    assert losses_of(trainer) == want
    assert torch.rand(3).tolist() == drawn
    assert trainer.state == "finished"
    assert trainer.iteration == len(want)


@pytest.mark.parametrize("when", ["epoch", "step"])
def test_schedulers_are_stepped(when: str) -> None:
    model, optimizer, loss_fn, loader = parts()
    scheduler = StepLR(optimizer, 1, gamma=0.5)
    Trainer(model, optimizer, loss_fn, loader, epochs=2, scheduler=scheduler, schedule=when).run()
    assert optimizer.param_groups[0]["lr"] == 0.1 * 0.5 ** (2 if when == "epoch" else 12)


def test_a_step_of_ones_own_with_real_torch() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed")
    real.manual_seed(0)
    model = real.nn.Sequential(real.nn.Linear(4, 8), real.nn.Dropout(0.5), real.nn.Linear(8, 1))
    optimizer = real.optim.AdamW(model.parameters(), lr=0.01)
    batches = [real.randn(8, 4) for _ in range(5)]

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss

    trainer = Trainer(model, optimizer, loader=batches, step=step, epochs=4, clip=0.5).run()
    for at in (0, 7, 13):
        assert losses_of(trainer, fork(trainer, at).name) == losses_of(trainer)[at:]
    assert fork(trainer, 5, lr=1.0).rows[1]["loss"] != losses_of(trainer)[6]


# -- no thread where nobody presses buttons --------------------------------------------------------------------------
def test_without_a_page_there_is_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self))
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=1)
    trainer.run()
    trainer.set(lr=0.01)
    trainer.pause()
    trainer.one()
    trainer.wait()
    fork(trainer, 2)
    assert (trainer.state, trainer.iteration, started) == ("paused", 7, [])


def test_headless_wins_over_a_page() -> None:
    code = (
        "import threading\n"
        "from gradviz.widgets import live\n"
        "live._in_kernel = lambda: True\n"
        "from gradviz.widgets.training.trainer_panel import TrainerPanel\n"
        "seen = set()\n"
        "panel = TrainerPanel(loader=[1, 2, 3], step=lambda b: seen.add(threading.current_thread()))\n"
        "panel.run().wait()\n"
        "print(panel.trainer.threaded, seen == {threading.main_thread()})"
    )
    page = {k: v for k, v in os.environ.items() if k != "GRADVIZ_HEADLESS"} | {"JPY_SESSION_NAME": "x.ipynb"}
    for extra, want in (({"GRADVIZ_HEADLESS": "1"}, "False True"), ({}, "True False")):
        done = subprocess.run(
            [sys.executable, "-c", code], env=page | extra, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == want


# -- control ---------------------------------------------------------------------------------------------------------
def test_pause_one_step_change_resume_stop(threads: None) -> None:
    want, _ = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=500, interactive=True)
    trainer.run()
    trainer.pause()
    until(lambda: trainer.state == "paused")
    at = trainer.iteration
    time.sleep(0.02)
    assert trainer.iteration == at
    trainer.one()
    until(lambda: trainer.iteration == at + 1 and trainer.state == "paused")
    trainer.set(lr=0.02, momentum=0.5, clip=1.0)
    until(lambda: len(trainer.changes) == 3)
    assert trainer.knobs.read() == {"lr": 0.02, "momentum": 0.5, "clip": 1.0}
    assert [text for _, text in trainer.curve.marks] == ["lr 0.1 → 0.02", "momentum 0.9 → 0.5", "clip off → 1"]
    trainer.resume()
    until(lambda: trainer.iteration > at + 5)
    trainer.stop(wait=True)
    assert trainer.state == "stopped"
    assert losses_of(trainer)[: min(at, len(want))] == want[:at]
    assert not optimizer._optimizer_step_pre_hooks, "the hook that clips goes with the run"
    n = trainer.iteration
    trainer.run()
    until(lambda: trainer.iteration > n)
    trainer.stop(wait=True)


@pytest.mark.parametrize(("ask", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_what_is_asked_before_the_first_step_is_heard(threads: None, ask: str, state: str) -> None:
    asked, gone_through = threading.Event(), []
    trainer = Trainer(interactive=True)

    def train() -> None:
        assert asked.wait(10)
        for k in range(2):
            gone_through.extend((k, batch) for batch in trainer.steps([7, 8, 9]))

    trainer.run(train)
    getattr(trainer, ask)()
    asked.set()
    until(lambda: trainer.state == state)
    assert (trainer.iteration, gone_through) == (0, [])
    trainer.run(train).wait()
    assert trainer.state == "finished"
    assert gone_through == [(k, batch) for k in range(2) for batch in (7, 8, 9)]


def test_what_is_turned_acts_between_steps_only(threads: None) -> None:
    inside, torn = threading.Event(), []
    model, optimizer, _, loader = parts()

    def step(batch: Any) -> float:
        before = optimizer.param_groups[0]["lr"]
        inside.set()
        time.sleep(0.005)
        torn.append(before != optimizer.param_groups[0]["lr"])
        return 0.0

    trainer = Trainer(model, optimizer, loader=loader, step=step, epochs=100, interactive=True).run()
    for k in range(20):
        inside.clear()
        inside.wait()
        trainer.set(lr=1.0 + k)
    until(lambda: len(trainer.changes) == 20)
    trainer.stop(wait=True)
    assert not any(torn)


def test_a_paused_run_gives_the_same_numbers(threads: None) -> None:
    want, drawn = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS, interactive=True).run()
    for _ in range(5):
        trainer.pause()
        until(lambda: trainer.state in ("paused", "finished"))
        if trainer.state == "paused":
            trainer.one()
            trainer.resume()
    trainer.wait()
    assert losses_of(trainer) == want
    assert torch.rand(3).tolist() == drawn


def test_a_pause_without_a_thread_returns_and_goes_on() -> None:
    want, _ = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loader=loader, step=lambda b: None, epochs=EPOCHS)
    usual = Trainer(model, optimizer, loss_fn)._usual_step

    def step(batch: Any) -> Any:
        if trainer.iteration == 4:
            trainer.pause()
        return usual(batch)

    trainer.step = step
    trainer.run()
    assert (trainer.state, trainer.iteration) == ("paused", 5)
    trainer.one()
    assert (trainer.state, trainer.iteration) == ("paused", 6)
    trainer.run()
    assert trainer.state == "finished"
    assert losses_of(trainer) == want


def test_the_mode_of_a_thread_is_its_own(threads: None) -> None:
    seen: list[Any] = []
    model, optimizer, _, loader = parts()

    def step(batch: Any) -> None:
        seen.append(torch.is_grad_enabled())

    with torch.no_grad():
        Trainer(model, optimizer, loader=loader, step=step, interactive=True).run().wait()
    assert all(seen)
    with torch.no_grad():
        Trainer(model, optimizer, loader=loader, step=step, interactive=False).run()
    assert not seen[-1], "without a thread it is the caller's"


def test_what_others_draw_meanwhile_does_not_matter(threads: None) -> None:
    want, _ = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=EPOCHS, interactive=True).run()
    while trainer._alive():
        torch.rand(10)
    trainer.wait()
    assert losses_of(trainer) == want


def test_a_second_trainer_of_the_same_model_stops_the_first(threads: None) -> None:
    model, optimizer, loss_fn, loader = parts()
    first = Trainer(model, optimizer, loss_fn, loader, epochs=10_000, interactive=True).run()
    until(lambda: first.iteration > 2)
    second = Trainer(model, optimizer, loss_fn, loader, epochs=1, interactive=True).run()
    assert first.state == "stopped"
    assert "another trainer" in first.note
    second.wait()


# -- errors and interrupts -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("interactive", [False, True])
def test_an_error_in_a_step_is_kept_and_raised(interactive: bool, threads: None) -> None:
    def step(batch: int) -> float:
        if batch == 3:
            raise ValueError("three is bad")
        return 1.0

    trainer = Trainer(loader=[1, 2, 3, 4], step=step, interactive=interactive)
    if interactive:
        trainer.run()
        with pytest.raises(ValueError, match="three is bad"):
            trainer.wait()
    else:
        with pytest.raises(ValueError, match="three is bad"):
            trainer.run()
    assert (trainer.state, trainer.iteration) == ("failed", 2)
    assert "in step" in trainer.trouble
    gc.collect()
    assert trainer.state == "failed"


def test_an_error_in_ones_own_loop() -> None:
    trainer = Trainer()

    def loop() -> None:
        for batch in trainer.steps([1, 0, 2]):
            trainer.log(loss=1 / batch)

    with pytest.raises(ZeroDivisionError):
        loop()
    assert trainer.state == "stopped"
    assert signal.getsignal(signal.SIGINT) is not trainer._interrupts._hear or not trainer._inside


def test_break_keeps_what_was_done() -> None:
    trainer = Trainer()
    for batch in trainer.steps([1, 2, 3, 4]):
        trainer.log(loss=batch)
        if batch == 2:
            break
    gc.collect()
    assert (trainer.state, trainer.iteration) == ("stopped", 2)
    assert list(trainer.steps()) == [3, 4]


def interrupt_in(step: int) -> tuple[Trainer, list[str]]:
    trainer, log = Trainer(loader=list(range(6))), []

    def take(batch: int) -> float:
        log.append(f"begin {batch}")
        if batch == step and "hit" not in log:
            log.append("hit")
            signal.raise_signal(signal.SIGINT)
        log.append(f"end {batch}")
        return float(batch)

    trainer.step, trainer._own_step = take, True
    return trainer, log


def test_an_interrupt_pauses_between_steps_and_can_resume() -> None:
    before = signal.getsignal(signal.SIGINT)
    trainer, log = interrupt_in(2)
    trainer.run()
    assert (trainer.state, trainer.iteration) == ("paused", 3)
    assert log[-1] == "end 2", "the step was finished"
    assert signal.getsignal(signal.SIGINT) is before
    trainer.run()
    assert trainer.state == "finished"
    assert losses_of(trainer) == [0, 1, 2, 3, 4, 5]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_is_raised_at_once() -> None:
    trainer = Trainer(loader=[1, 2])

    def step(batch: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    trainer.step, trainer._own_step = step, True
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.state == "failed"


def test_an_interrupt_in_ones_own_loop_is_raised_between_steps() -> None:
    trainer, done = Trainer(), []

    def loop() -> None:
        for batch in trainer.steps([1, 2, 3]):
            if batch == 2:
                signal.raise_signal(signal.SIGINT)
            done.append(batch)

    with pytest.raises(Paused, match="run it again"):
        loop()
    assert (done, trainer.state) == ([1, 2], "paused")
    assert list(trainer.steps()) == [3]


def test_an_interrupt_after_a_loop_that_failed_is_an_ordinary_one() -> None:
    trainer = Trainer()
    kept = None
    try:
        for _ in trainer.steps([1, 2]):
            raise ValueError
    except ValueError as error:
        kept = error  # as a notebook keeps the last traceback, and the loop with it
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert kept is not None


def test_wait_with_a_time_limit_and_an_interrupt(threads: None) -> None:
    trainer = Trainer(loader=range(10**6), step=lambda b: time.sleep(0.001), interactive=True).run()
    with pytest.raises(TimeoutError, match="goes on"):
        trainer.wait(0.05)
    timer = threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.wait()
    until(lambda: trainer.state == "paused")


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Trainer(loss_fn=len, step=len), ValueError, "not both"),
    (lambda: Trainer(epochs=0), ValueError, "at least 1"),
    (lambda: Trainer(schedule="batch"), ValueError, "'epoch' or 'step'"),
    (lambda: Trainer(loader=[1]).run(), ValueError, "no step of its own"),
    (lambda: next(Trainer().steps()), ValueError, "nothing to go through"),
    (lambda: Trainer(step=len, loader=3).run(), TypeError, "iterate over"),
    (lambda: list(Trainer().steps(iter([1]), epochs=2)), ValueError, "once only"),
    (lambda: Trainer(keep=-1), ValueError, "keep"),
    (lambda: Trainer().set(lr=0.1), ValueError, "no learning rate"),
    (lambda: Trainer(clip=1.0), ValueError, "optimizer"),
    (lambda: Trainer(*parts()).set(lr=-1), ValueError, "lr must be at least 0"),
    (lambda: Trainer(*parts()).set(momentum=1), ValueError, "less than 1"),
    (lambda: Trainer(*parts()).set(clip=0), ValueError, "above 0"),
    (lambda: Trainer(*parts()).set(lr="fast"), TypeError, "number"),
    (lambda: Trainer(*parts()).set(rate=1), ValueError, "no setting 'rate'"),
    (lambda: Trainer(*parts(torch.optim.Adagrad)).set(momentum=0.5), ValueError, "Adagrad has no momentum"),
]


@pytest.mark.parametrize(("make", "error", "says"), WRONG)
def test_bad_input_is_named(make: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


# -- settings --------------------------------------------------------------------------------------------------------
def test_a_rate_set_by_hand_keeps_groups_and_schedule() -> None:
    w, v = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([{"params": [w], "lr": 0.1}, {"params": [v], "lr": 0.01}])
    scheduler = CosineAnnealingLR(optimizer, 10)
    trainer = Trainer(optimizer=optimizer, scheduler=scheduler, step=len, loader=[])
    trainer.set(lr=0.2, momentum=0.8)
    assert [g["lr"] for g in optimizer.param_groups] == [0.2, pytest.approx(0.02)]
    assert [g["betas"] for g in optimizer.param_groups] == [(0.8, 0.999)] * 2
    assert scheduler.base_lrs == [0.2, pytest.approx(0.02)]


def test_clipping_acts_between_backward_and_the_step() -> None:
    w = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = torch.optim.SGD([w], lr=1.0)

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        (w * w / 2).sum().backward()
        optimizer.step()

    Trainer(optimizer=optimizer, step=step, loader=[0], clip=1.0).run()
    assert w.tolist() == pytest.approx([3 - 0.6, 4 - 0.8], rel=1e-5)


def test_a_loop_of_ones_own_runs_in_the_thread_as_a_function(threads: None) -> None:
    want, drawn = plain()
    model, optimizer, loss_fn, loader = parts()
    trainer = Trainer(interactive=True)

    def train() -> None:
        model.train()
        for x, y in trainer.steps(loader, epochs=EPOCHS):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            trainer.log(loss)

    trainer.run(train)
    trainer.pause()
    until(lambda: trainer.state in ("paused", "finished"))
    trainer.resume()
    trainer.wait()
    assert trainer.state == "finished"
    assert losses_of(trainer) == want
    assert torch.rand(3).tolist() == drawn
