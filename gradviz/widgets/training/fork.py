"""`fork`: go back to an iteration, change the rate, the momentum or the clipping, and draw where that leads.

    branch = fork(trainer, 200, lr=0.01)        # the curve of the trainer now has a second line from step 200 on
    branch.adopt()                              # go on training from its end

The run is gone through again from the keyframe before the iteration, so the branch starts from exactly the state that
the run was in; with nothing changed it is the same run, bit for bit. Afterwards model, optimiser, loader and random
generators are as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from gradviz.widgets.training.feed import Feed
from gradviz.widgets.training.keyframes import Keyframe, capture, draws_now, restore, set_draws
from gradviz.widgets.training.trainer import Trainer

KEEP: Any = object()  # a setting that the branch does not change
Change = tuple[int, str, Any]


class Branch:
    """What a fork led to.

    Attributes:
        name: of its line in the trainer's curve.
        at: the iteration where it left.
        settings: what was changed there.
        iteration: where it ended.
        rows: [{"step": ..., "loss": ...}, ...], what was logged on the way.
    """

    def __init__(self, trainer: Trainer, name: str, at: int, settings: dict[str, Any], changes: list[Change]) -> None:
        self.trainer, self.name, self.at, self.settings, self.changes = trainer, name, at, settings, changes
        self.iteration = at
        self.rows: list[dict[str, float]] = []
        self._end: Keyframe | None = None
        self._feed: Feed | None = None

    def __repr__(self) -> str:
        return f"Branch({self.name!r}, steps {self.at} to {self.iteration - 1})"

    def adopt(self) -> Trainer:
        """Let the trainer go on from the end of this branch; the old way stays in the curve."""
        trainer, end = self.trainer, self._end
        assert end is not None
        assert self._feed is not None
        trainer._refuse_while_running("adopt")
        restore(end.state, trainer.model, trainer.optimizer, [*trainer.schedulers, *trainer.extra])
        set_draws(end.draws)
        _set_knobs(trainer, end.settings)
        trainer._feed = self._feed
        trainer.iteration, trainer.changes, trainer.run_name = self.iteration, list(self.changes), self.name
        trainer.keyframes.forget_after(self.at)
        trainer._become("finished" if self._feed.done else "paused")
        trainer._news()
        return trainer


def fork(
    source: Any,
    iteration: int,
    *,
    lr: Any = KEEP,
    momentum: Any = KEEP,
    clip: Any = KEEP,
    steps: int | None = None,
    name: str | None = None,
) -> Branch:
    """Run on from an iteration with other settings, and overlay the branch in the curve.

    Args:
        source: a `Trainer`, a `TrainerPanel`, or a `Branch` of one.
        iteration: the step that the branch begins with, from 0 to where the source is now.
        lr, momentum, clip: what is changed there; what is left out goes as it went in the source.
        steps: how many steps to take; where not given, up to where the source is now, or to its end.
        name: of the new line; made of the settings where not given.

    Raises RuntimeError where the run cannot be gone through again: a loop of the learner's own (only a step function
    can be called again), a loader that can be gone through only once, or no state kept (keep=0).
    """
    trainer, parent = _source(source)
    now = parent.iteration if parent is not None else trainer.iteration
    given = {"lr": lr, "momentum": momentum, "clip": clip}
    settings = {key: trainer.knobs.check(key, value) for key, value in given.items() if value is not KEEP}
    at = _checked(trainer, parent, iteration, now)
    count = _count(trainer, at, now, steps)
    before = parent.changes if parent is not None else trainer.changes
    changes = [c for c in before if c[0] < at or c[1] not in settings] + [(at, k, v) for k, v in settings.items()]
    branch = Branch(
        trainer, name or _name(trainer, at, settings, parent), at, settings, sorted(changes, key=lambda c: c[0])
    )
    _wait_for(trainer, lambda: _run(trainer, branch, count, now))
    return branch


def _source(source: Any) -> tuple[Trainer, Branch | None]:
    if isinstance(source, Branch):
        return source.trainer, source
    trainer = getattr(source, "trainer", source)
    if not isinstance(trainer, Trainer):
        raise TypeError(f"fork takes a Trainer, a TrainerPanel or a Branch; got {type(source).__name__}.")
    return trainer, None


def _checked(trainer: Trainer, parent: Branch | None, iteration: int, now: int) -> int:
    if not trainer._own_step:
        raise RuntimeError(
            "fork goes through steps again, and a loop of your own cannot be entered in the middle. Put the body of "
            "the loop into a function and give it: Trainer(model, optimizer, loader=loader, step=step)."
        )
    if trainer._feed is not None and not trainer._feed.again:
        kind = type(trainer._feed.loader).__name__
        raise RuntimeError(f"fork draws batches again, and a {kind} gives them once only. Give a list or a DataLoader.")
    if isinstance(iteration, bool) or not hasattr(iteration, "__index__"):
        raise TypeError(f"iteration is a whole number, the step that the branch begins with; got {iteration!r}.")
    at = int(iteration)
    if not 0 <= at <= now:
        raise ValueError(f"The run has done {now} steps, so a branch can begin at 0 to {now}; got {at}.")
    if trainer.keyframes.before(at) is None:
        raise RuntimeError(
            "No state of this run was kept before that step, so it cannot be gone back to. Make the Trainer with "
            "keep=8, and run it for a step."
        )
    return at


def _count(trainer: Trainer, at: int, now: int, steps: int | None) -> int:
    if steps is not None:
        if int(steps) < 1:
            raise ValueError(f"A branch takes at least 1 step; got steps={steps}.")
        return int(steps)
    if now > at:
        return now - at
    left = None if trainer.total is None else trainer.total - at
    if not left or left < 0:
        raise ValueError(
            "There is nothing after that step to compare with: say how many steps the branch takes (steps=)."
        )
    return left


def _name(trainer: Trainer, at: int, settings: dict[str, Any], parent: Branch | None) -> str:
    said = ", ".join(f"{key} {'off' if value is None else f'{value:.4g}'}" for key, value in settings.items())
    name = f"from {at}: {said or 'unchanged'}" + (f" ({parent.name})" if parent is not None else "")
    known = {run for run, _ in trainer.curve.lines}
    more = next(i for i in range(1, 10**6) if i == 1 or f"{name} #{i}" not in known) if name in known else 1
    return name if more == 1 and name not in known else f"{name} #{max(2, more)}"


def _wait_for(trainer: Trainer, work: Callable[[], None]) -> None:
    """Between two steps of the run: in its thread if it has one, which is waited for, else here."""
    if not trainer._alive() or threading.current_thread() is trainer._thread:
        trainer._refuse_while_running("fork")
        work()
        return
    done = threading.Event()
    wrong: list[BaseException] = []

    def job() -> None:
        try:
            work()
        except BaseException as error:
            wrong.append(error)
        finally:
            done.set()

    trainer._between(job)
    while not done.wait(0.2):
        if not trainer._alive():  # it ended before it came to that
            if job in trainer._queue:
                trainer._queue.remove(job)
                job()
            break
    if wrong:
        raise wrong[0]


def _run(trainer: Trainer, branch: Branch, count: int, now: int) -> None:
    """Go back, go through the steps again, take the branch, and put everything back."""
    objects = [*trainer.schedulers, *trainer.extra]
    state, draws = capture(trainer.model, trainer.optimizer, objects), draws_now(_generators(trainer))
    knobs, feed, iteration, shown = trainer.knobs.read(), trainer._feed, trainer.iteration, trainer._state
    held = trainer.knobs.hold()
    own, wish = trainer.curve, trainer._wish
    parted = min([branch.at, *(c[0] for c in branch.changes if not _in(c, trainer.changes))])  # of forks of forks
    frame = trainer.keyframes.before(parted)
    assert frame is not None
    assert feed is not None
    try:
        trainer._become("forking")
        trainer._wish = "run"
        trainer._sink = lambda values: None
        trainer._feed = feed.at(frame.place)
        restore(frame.state, trainer.model, trainer.optimizer, objects)
        set_draws(frame.draws)
        _set_knobs(trainer, frame.settings)
        trainer.iteration = frame.iteration
        waiting = [c for c in branch.changes if not _in(c, frame.turned)]
        _go(trainer, branch, waiting, branch.at)
        own.branch(branch.name, branch.at)

        def sink(values: dict[str, float]) -> None:
            step = trainer.iteration - 1 if trainer._at_end else trainer.iteration
            own.add(values, step=step, run=branch.name)
            branch.rows.append({"step": float(step), **values})
            trainer._news()

        trainer._sink = sink
        trainer._feed.epochs = max(trainer._feed.epochs, feed.epochs)
        _go(trainer, branch, waiting, branch.at + count)
        branch.iteration, branch._feed = trainer.iteration, trainer._feed
        branch._end = Keyframe(
            trainer.iteration,
            trainer._feed.place(),
            capture(trainer.model, trainer.optimizer, objects),
            draws_now(trainer._feed.generators),
            trainer.knobs.read(),
            tuple(branch.changes),
        )
        trainer.branches.append(branch)
    finally:
        trainer._wish = "pause" if trainer._wish == "pause" else wish
        trainer._sink, trainer._feed, trainer.iteration = None, feed, iteration
        restore(state, trainer.model, trainer.optimizer, objects)
        set_draws(draws)
        _set_knobs(trainer, knobs)
        if not held:
            trainer.knobs.release()
        trainer._become(shown)


def _go(trainer: Trainer, branch: Branch, waiting: list[Change], until: int) -> None:
    """Steps up to an iteration, with the changes that belong between them. Stop ends it early."""
    feed = trainer._feed
    assert feed is not None
    while trainer.iteration < until and not feed.done:
        while waiting and waiting[0][0] <= trainer.iteration:
            _, name, value = waiting.pop(0)
            trainer.knobs.set(name, value)
        if trainer._wish == "stop" and trainer.iteration > branch.at:
            return
        try:
            batch = feed.draw()
        except StopIteration:
            trainer._epoch_done(feed)
            continue
        trainer._logged = False
        trainer._take(batch)
        trainer._count_step()


def _in(change: Change, changes: Iterable[Change]) -> bool:
    """Whether it is one of them: the same one, not one that is equal."""
    return any(change is other for other in changes)


def _generators(trainer: Trainer) -> list[Any]:
    return trainer._feed.generators if trainer._feed is not None else []


def _set_knobs(trainer: Trainer, settings: dict[str, Any]) -> None:
    """The clipping; rate and momentum came back with the optimiser's state unless it has none."""
    now = trainer.knobs.read()
    for name, value in settings.items():
        if now[name] != value:
            trainer.knobs.set(name, value)
