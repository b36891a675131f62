"""`Trainer`: a training loop that can be paused, resumed, stopped, taken step by step, and turned while it runs.

    trainer = Trainer(model, optimizer, loss_fn, loader, epochs=2)     # the usual step
    trainer = Trainer(model, optimizer, loader=loader, step=step)      # the learner's own: step(batch) -> loss
    trainer.run()

    for images, labels in trainer.steps(loader, epochs=2):             # or the learner's own loop, two lines changed
        ...
        trainer.log(loss=loss)

NOTE [Threads]

In a notebook with a page `run` starts a thread and the cell returns: the kernel is free. Everywhere else (scripts,
nbval, `interactive=False`, GRADVIZ_HEADLESS=1) it runs here and now and there is no thread at all. A thread has its own
grad mode, recorder and random stream; the stream starts as a copy of the default one, and the default one goes on from
its end unless somebody has drawn from it meanwhile. So both ways give the same numbers.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from gradviz.widgets.live import interactive as _interactive
from gradviz.widgets.training.beside import cell_of_prints, print_there
from gradviz.widgets.training.feed import Feed
from gradviz.widgets.training.interrupt import Paused
from gradviz.widgets.training.keyframes import KEEP, Keyframe, Keyframes, capture, draws_now
from gradviz.widgets.training.knobs import Knobs
from gradviz.widgets.training.loop import Loop
from gradviz.widgets.training.loss_curve import LossCurve
from gradviz.widgets.training.loss_sources import value_of

__all__ = ["Paused", "Trainer"]

_running: weakref.WeakSet[Trainer] = weakref.WeakSet()


class Trainer(Loop):
    """A training loop under control.

    Args:
        model: put into training mode when the run starts; its state is what `fork` goes back to.
        optimizer: one of ours, of PyTorch, or the learner's own class.
        loss_fn: called as ``loss_fn(model(inputs), targets)``.
        loader: anything that can be iterated over again and again; each pass is an epoch.
        step: ``step(batch)``, in place of the usual step; returns the loss, or a dict of numbers with "loss".
        epochs: passes over the loader.
        scheduler: one learning-rate scheduler or several, stepped after each epoch.
        schedule: "epoch" or "step": when they are stepped.
        clip: the norm that gradients are clipped to; None does not clip.
        evaluate: called after each epoch; what it returns, a number or a dict of numbers, is drawn too ("val_loss").
        keep: states kept for `fork`; 0 keeps none.
        extra: further objects with state_dict and load_state_dict that a step changes (an averaged model, a scaler).
        interactive: a thread (True) or not (False); where not given, a thread if a page is there to press buttons.
        title: of the curve.

    Attributes:
        state: "idle", "running", "paused", "stopped", "finished", "failed", or "forking" while a branch runs.
        iteration: how many steps are done; the number of the next one.
        curve: a `LossCurve` of what was logged.
        error: what a step raised, when the state is "failed".
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        loss_fn: Callable[..., Any] | None = None,
        loader: Iterable[Any] | None = None,
        *,
        step: Callable[[Any], Any] | None = None,
        epochs: int = 1,
        scheduler: Any = None,
        schedule: str = "epoch",
        clip: float | None = None,
        evaluate: Callable[[], Any] | None = None,
        keep: int = KEEP,
        extra: Sequence[Any] = (),
        interactive: bool | None = None,
        title: str = "Training",
        timeline: Any = None,
    ) -> None:
        if step is not None and loss_fn is not None:
            raise ValueError("Give either loss_fn, for the usual step, or step, your own; not both.")
        if schedule not in ("epoch", "step"):
            raise ValueError(f"schedule is 'epoch' or 'step'; got {schedule!r}.")
        if int(epochs) < 1:
            raise ValueError(f"epochs must be at least 1; got {epochs}.")
        self.model, self.optimizer, self.loss_fn, self.loader = model, optimizer, loss_fn, loader
        self.schedulers = (
            [] if scheduler is None else list(scheduler) if isinstance(scheduler, (list, tuple)) else [scheduler]
        )
        self.epochs, self.schedule, self.evaluate, self.extra = int(epochs), schedule, evaluate, list(extra)
        self.interactive = interactive
        self.step: Callable[[Any], Any] = step or self._usual_step
        self._own_step = step is not None or loss_fn is not None
        super().__init__(Knobs(optimizer, self.schedulers, clip))
        self.keyframes = Keyframes(keep)
        self.curve = LossCurve(title=title, timeline=timeline)
        self.changes: list[tuple[int, str, Any]] = []  # (iteration, setting, value): what was turned, and when
        self.run_name = ""  # of the curve that is drawn; a branch that was adopted has its own
        self.branches: list[Any] = []
        self.last: dict[str, float] = {}
        self._feed: Feed | None = None
        self._at_end = False  # of a pass, where `evaluate` runs
        self._sink: Callable[[dict[str, float]], None] | None = None  # takes what is logged, in place of the curve

    def __repr__(self) -> str:
        of = f" of {self.total}" if self.total else ""
        return f"Trainer({self.state}, {self.iteration}{of} steps)"

    # -- what can be asked for, from anywhere; the rest of it is in loop.py ------------------------------------------
    def one(self, steps: int = 1) -> None:
        """Take one step (or a few) and pause."""
        with self._gate:
            self._wish = "pause"
            self._singles += int(steps)
            self._gate.notify_all()
            waiting = self._alive() or self._inside
        if not waiting:
            self._more(None)
            self._start()

    def set(self, **settings: Any) -> None:
        """Turn learning rate, momentum or clip (`lr=`, `momentum=`, `clip=`) before the next step; drawn as a mark."""
        checked = {name: self.knobs.check(name, value) for name, value in settings.items()}
        self._between(lambda: self._turn(checked))

    def _turn(self, settings: dict[str, Any]) -> None:
        before = self.knobs.read()
        for name, value in settings.items():
            if before[name] == value:
                continue
            self.knobs.set(name, value)
            self.changes.append((self.iteration, name, value))
            self.curve.mark(self.iteration, f"{name} {_said(before[name])} → {_said(value)}")
        self._news()

    # -- running -----------------------------------------------------------------------------------------------------
    def run(self, function: Callable[[], Any] | None = None, *, epochs: int | None = None) -> Trainer:
        """Train: in a thread where there is a page, else here. A run that was paused or stopped goes on.

        Args:
            function: the learner's own loop, a function that goes through `trainer.steps(...)`.
            epochs: how many passes more, after a run that has finished; as many as at first where not given.
        """
        if function is None and not self._own_step:
            raise ValueError(
                "This trainer has no step of its own: give loss_fn= or step=, or run(function) with a loop."
            )
        if self._state in ("stopped", "failed"):
            self._join()
        if self._alive() or self._inside:
            self.resume()
            return self
        self._more(epochs)
        with self._gate:
            self._wish, self._singles = "run", 0
        self._start(function)
        return self

    def _more(self, epochs: int | None) -> None:
        """A run that has finished is to go on."""
        if self._feed is not None and self._feed.done:
            self._feed.epochs += self.epochs if epochs is None else int(epochs)
        elif epochs is not None:
            self.epochs = int(epochs)

    def _start(self, function: Callable[[], Any] | None = None) -> None:
        for other in list(_running):
            if other is not self and _share(self, other) and other._alive():
                other.stop(wait=True)
                other.note = "stopped, because another trainer took over its model"
        work = function or self._loop
        if not self.threaded:
            self._here(work)
            return
        _running.add(self)
        self._stream.begin()
        self._become("running")
        self._thread = threading.Thread(
            target=self._beside, args=(work, cell_of_prints()), name="gradviz training", daemon=True
        )
        self._thread.start()

    @property
    def threaded(self) -> bool:
        """Whether `run` starts a thread."""
        return _interactive() if self.interactive is None else self.interactive

    def _here(self, work: Callable[[], Any]) -> None:
        """In this thread; an interrupt between two steps pauses."""
        try:
            work()
        except Paused:
            pass
        except BaseException as error:
            self._failed(error)
            raise

    def _beside(self, work: Callable[[], Any], cell: Any) -> None:
        """In the thread: own random stream, prints under the cell that started it, errors kept for `wait`."""
        print_there(cell)
        self._stream.enter()
        try:
            work()
        except Paused:
            pass
        except BaseException as error:
            self._failed(error)
        finally:
            self._stream.leave()
            self._news()

    def _loop(self) -> None:
        steps = self.steps()
        try:
            for batch in steps:
                self._take(batch)
        finally:
            steps.close()

    def _take(self, batch: Any) -> None:
        """One step on a batch."""
        found = self.step(batch)
        if found is not None and not self._logged:
            self.log(found if isinstance(found, dict) else {"loss": found})

    def _usual_step(self, batch: Any) -> Any:
        """Forward, loss, backward, update."""
        assert self.loss_fn is not None
        inputs, targets = batch
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return loss

    def steps(self, loader: Iterable[Any] | None = None, epochs: int | None = None) -> Generator[Any, None, None]:
        """The batches of a loader, pass after pass, for a loop of one's own. After a pause it goes on where it was.

        An interrupt (Ctrl-C, the notebook's stop button) is raised between two steps; the same loop run again goes on.
        """
        feed = self._feed
        if feed is None or feed.done or (loader is not None and loader is not feed.loader):
            loader = loader if loader is not None else self.loader
            if loader is None:
                raise ValueError("There is nothing to go through: give a loader to Trainer(...) or to steps(...).")
            feed = self._feed = Feed(loader, self.epochs if epochs is None else int(epochs))
        return self._steps(feed)

    # -- what happens around a step ----------------------------------------------------------------------------------
    def _begin(self, feed: Feed) -> None:
        if self.model is not None and hasattr(self.model, "train") and not feed.begun:
            self.model.train()

    def _keep(self) -> None:
        if self._own_step and self._feed is not None and self._feed.again and self.keyframes.due(self.iteration):
            self.keyframes.add(self._keyframe(self._feed))

    def _keyframe(self, feed: Feed) -> Keyframe:
        draws = draws_now(feed.generators)
        state = capture(self.model, self.optimizer, [*self.schedulers, *self.extra])
        return Keyframe(self.iteration, feed.place(), state, draws, self.knobs.read(), tuple(self.changes))

    def log(self, row: Any = None, **values: Any) -> None:
        """Numbers of the step that is going on: `log(loss=loss)`, `log({"top 1": accuracy})`."""
        every = {**row, **values} if isinstance(row, dict) else values if row is None else {"loss": row, **values}
        found = {str(name): value_of(value, str(name)) for name, value in every.items()}
        self._logged = True
        if self._sink is not None:
            self._sink(found)
            return
        self.last = {**self.last, **found}
        self.curve.add(found, step=self.iteration, run=self.run_name)
        self._news()

    def _count_step(self) -> None:
        if self.schedule == "step":
            self._schedule()
        self.iteration += 1

    def _epoch_done(self, feed: Feed) -> None:
        feed.next_pass()
        if self.schedule == "epoch":
            self._schedule()
        if self.evaluate is not None:
            self._at_end = True
            try:
                found = self.evaluate()
            finally:
                self._at_end = False
            row = found if isinstance(found, dict) else {"val_loss": found}
            values = {str(name): value_of(value, str(name)) for name, value in row.items()}
            if self._sink is not None:
                self._sink(values)
            else:
                self.last = {**self.last, **values}
                self.curve.add(values, step=max(0, self.iteration - 1), run=self.run_name)
                self._news()

    def _schedule(self) -> None:
        for scheduler in self.schedulers:
            scheduler.step()

    @property
    def total(self) -> int | None:
        """How many steps the run has in all; None where the loader does not tell."""
        if self._feed is not None:
            left = self._feed.left()
            return None if left is None else self.iteration + left + self._in_step
        try:
            return len(self.loader) * self.epochs  # type: ignore[arg-type]
        except TypeError:
            return None


def _said(value: float | None) -> str:
    return "off" if value is None else f"{value:.4g}"


def _share(one: Trainer, other: Trainer) -> bool:
    """Whether two trainers would change the same numbers."""
    return any(a is not None and a is b for a, b in ((one.model, other.model), (one.optimizer, other.optimizer)))
