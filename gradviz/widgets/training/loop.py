"""`Loop`: what stands between the steps of a training loop, and who is let through.

NOTE [Between steps]

Nothing from outside reaches into a step. Buttons and calls set flags and put changes in a queue; the loop reads them
between two steps, where the model is consistent. There an iteration begins: changes first, then, now and then, a
keyframe (keyframes.py), then the batch is drawn.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Generator
from typing import Any, Self

from gradviz.widgets.live import interactive as _interactive
from gradviz.widgets.training.beside import Stream, after_cell
from gradviz.widgets.training.feed import Feed, Speed, samples_in
from gradviz.widgets.training.interrupt import Interrupts, Paused
from gradviz.widgets.training.knobs import Knobs


class Loop:
    """A loop under control; `Trainer` says what a step is and what is kept of it."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.iteration = 0
        self.error: BaseException | None = None
        self.trouble = ""  # the traceback of the error
        self.note = ""
        self.speed = Speed()
        self._state = "idle"
        self._wish = "run"  # or "pause", "stop"
        self._singles = 0  # steps that may be taken though paused
        self._queue: list[Callable[[], None]] = []  # what is to happen between two steps
        self._gate = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._stream = Stream()  # of random numbers, of the thread
        self._interrupts = Interrupts()
        self._listeners: list[Callable[[], None]] = []
        self._loop_of: tuple[int, Any] | None = None  # the thread and the frame that goes through `steps`
        self._token: Any = None  # of the newest loop
        self._logged = False  # something, in this step
        self._in_step = False  # a batch was drawn whose step is not done

    # -- what a trainer adds -----------------------------------------------------------------------------------------
    def run(self) -> Any:
        """Go on."""
        raise NotImplementedError

    def _begin(self, feed: Feed) -> None:
        """Before the first step of a loop, or the first after a pause."""

    def _keep(self) -> None:
        """A step is about to begin; a place to come back to."""

    def _count_step(self) -> None:
        """A step is done."""
        self.iteration += 1

    def _epoch_done(self, feed: Feed) -> None:
        """A pass over the loader is done."""
        feed.next_pass()

    # -- what can be asked for, from anywhere ------------------------------------------------------------------------
    def pause(self) -> None:
        """Stop after the step that is going on; `resume` goes on from there."""
        with self._gate:
            if self.state in ("running", "paused", "forking"):
                self._wish, self._singles = "pause", 0
                self._gate.notify_all()

    def resume(self) -> None:
        """Go on after a pause."""
        with self._gate:
            self._wish, self._singles = "run", 0
            self._gate.notify_all()
            waiting = self._alive() or self._inside
        if not waiting and self.state in ("paused", "stopped"):
            self.run()

    def stop(self, wait: bool = False) -> None:
        """End the run after the step that is going on. `run` starts from there."""
        with self._gate:
            self._wish = "stop"
            if self.state == "paused" and not (self._alive() or self._inside):
                self._become("stopped")
            self._gate.notify_all()
        if wait:
            self._join()

    def wait(self, timeout: float | None = None) -> Self:
        """Until the run has ended, and raise what a step raised. A run that is paused is waited for; see `timeout` (s).

        An interrupt meanwhile pauses the run and is raised here.
        """
        try:
            self._join(timeout)
        except KeyboardInterrupt:
            self.pause()
            raise
        if self._alive() and self._thread is not threading.current_thread():
            raise TimeoutError(f"The run goes on: {self!r} after {timeout} s of waiting.")
        if self.error is not None:
            raise self.error
        return self

    def _join(self, timeout: float | None = None) -> None:
        """Until the thread has ended, if there is one and this is another."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _between(self, work: Callable[[], None]) -> None:
        """Do something between two steps: now if no step is going on."""
        with self._gate:
            if self._alive() or self._inside:
                self._queue.append(work)
                self._gate.notify_all()
                return
        work()

    def _refuse_while_running(self, what: str) -> None:
        if self._inside or self._alive():
            raise RuntimeError(f"A step is going on: {what} comes between steps. Pause or wait first.")

    # -- going through -----------------------------------------------------------------------------------------------
    def _steps(self, feed: Feed) -> Generator[Any, None, None]:
        mine = self._token = object()
        self._interrupts.pressed = False
        if threading.current_thread() is not self._thread:  # begun anew; there `run` has said what is wished
            with self._gate:
                if self._wish == "stop" or (self._wish == "pause" and not self._singles):
                    self._wish = "run"
        self._become("running")
        self._begin(feed)
        self.knobs.hold()
        after_cell(self._news)  # an error that ends the loop is seen by nobody else
        try:
            while not feed.done:
                frame = sys._getframe(1)
                self._loop_of = (threading.get_ident(), frame)
                self._interrupts.watch(frame)
                if not self._pass_gate():
                    return
                try:
                    batch = feed.draw()
                except StopIteration:
                    self._epoch_done(feed)
                    continue
                self._singles = max(0, self._singles - 1)
                self._logged, self._in_step = False, True
                try:
                    yield batch
                except GeneratorExit:  # the loop was left by break, or by an error
                    if self._token is mine and self._logged:
                        self._step_done(batch)
                    raise
                self._step_done(batch)
            self._become("finished")
        finally:
            if self._token is mine:  # else this is a loop that was left long ago
                self._drain()
                self._loop_of, self._in_step = None, False
                self._interrupts.release()
                self.knobs.release()
                if self._state == "running":
                    self._become("stopped")

    @property
    def state(self) -> str:
        """What it does now. A loop of the learner's own that was left by an error has stopped."""
        if self._state == "running" and not (self._alive() or self._inside):
            return "stopped"
        return self._state

    @property
    def _inside(self) -> bool:
        """Whether a loop goes through `steps` now: its frame is still among those of its thread."""
        if self._loop_of is None:
            return False
        thread, wanted = self._loop_of
        frame = sys._current_frames().get(thread)
        while frame is not None:
            if frame is wanted:
                return True
            frame = frame.f_back
        return False

    def _step_done(self, batch: Any) -> None:
        self._in_step = False
        self._count_step()
        self.speed.took(samples_in(batch))
        self._news()

    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _pass_gate(self) -> bool:
        """Between two steps: what was asked for. False ends the loop."""
        while True:
            self._drain()
            with self._gate:
                if self._interrupts.pressed:
                    self._wish = "pause"
                    self._become("paused")
                    raise Paused("paused between two steps; run it again to go on")
                if self._queue:
                    continue
                if self._wish == "stop":
                    self._become("stopped")
                    return False
                if self._wish == "run" or self._singles:
                    self._become("running")
                    break
                self._become("paused")
                if not self._may_wait():
                    return False
                self._gate.wait(None if threading.current_thread() is self._thread else 0.2)  # else hear interrupts
        self._keep()
        return True

    def _drain(self) -> None:
        """What was asked for while a step was going on."""
        with self._gate:
            queue, self._queue = self._queue, []
        for work in queue:
            work()

    def _may_wait(self) -> bool:
        """Whether somebody may still resume: on the page, or the thread's owner."""
        return threading.current_thread() is self._thread or (_interactive() and bool(self._listeners))

    def _failed(self, error: BaseException) -> None:
        self.error, self.trouble = error, "".join(traceback.format_exception(error)).strip()
        self._become("failed")

    def _become(self, state: str) -> None:
        if state == self._state:
            return
        if state == "running":
            self.speed.restart()
            self.error, self.trouble, self.note = None, "", ""
        self._state = state
        self._news()

    def _news(self) -> None:
        for hear in self._listeners:
            hear()
