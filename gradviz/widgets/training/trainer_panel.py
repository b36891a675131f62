"""`TrainerPanel`: a training run with its buttons, its rate, its curve.

    panel = TrainerPanel(model, optimizer, loss_fn, loader, epochs=2)
    panel.run()                       # in a notebook the cell returns and the buttons work; elsewhere it trains here
    panel.wait()                      # in a later cell: until it is through; raises what a step raised
    panel.snapshot()                  # a picture of it that stays

    for images, labels in panel.steps(loader):      # or a loop of one's own
        ...
        panel.log(loss=loss)

What the buttons do and when is in trainer.py; going back and branching off is in fork.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any

from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.widgets.live import LiveView, Pump
from gradviz.widgets.replay import replay_html
from gradviz.widgets.training import loss_curve_svg
from gradviz.widgets.training.feed import memory
from gradviz.widgets.training.loss_curve import NAME, LossCurve, News
from gradviz.widgets.training.trainer import Trainer

TROUBLE = 4000  # characters of a traceback that a page is given


class TrainerPanel(LiveView):
    """The panel of a training run.

    Args:
        model: the model, with all further arguments those of `Trainer`; or a `Trainer`.
        title: what stands above it.

    Whatever a `Trainer` can do the panel can: run, pause, resume, stop, one, set, wait, steps, log.
    """

    view = "trainer_panel"

    def __init__(self, model: Any = None, *arguments: Any, title: str = "Training", **options: Any) -> None:
        if isinstance(model, Trainer):
            if arguments or options:
                raise TypeError(
                    "A Trainer has its loader and its settings already; give TrainerPanel nothing but a title."
                )
            self.trainer = model
        else:
            self.trainer = Trainer(model, *arguments, title=title, **options)
        self.name = str(title)
        self._pump = Pump(self._send, self._rest)
        self._news = News(self.trainer.curve)
        self.trainer._listeners.append(self._wake)

    # -- the trainer's own -------------------------------------------------------------------------------------------
    @property
    def curve(self) -> LossCurve:
        """The curve of what was logged."""
        return self.trainer.curve

    @property
    def timeline(self) -> Any:
        """The curve's."""
        return self.trainer.curve.timeline

    def run(self, function: Callable[[], Any] | None = None, *, epochs: int | None = None) -> TrainerPanel:
        """Start or go on; see `Trainer.run`."""
        self._moving("run")
        self.trainer.run(function, epochs=epochs)
        return self

    def steps(self, loader: Any = None, epochs: int | None = None) -> Generator[Any, None, None]:
        """The batches, for a loop of one's own; see `Trainer.steps`."""
        self._moving("steps")
        return self.trainer.steps(loader, epochs)

    def log(self, row: Any = None, **values: Any) -> None:
        """Numbers of the step that is going on."""
        self.trainer.log(row, **values)

    def pause(self) -> None:
        """Stop after the step that is going on."""
        self.trainer.pause()

    def resume(self) -> None:
        """Go on."""
        self.trainer.resume()

    def stop(self, wait: bool = False) -> None:
        """End the run after the step that is going on."""
        self.trainer.stop(wait)

    def one(self, steps: int = 1) -> None:
        """One step, or a few, and then a pause."""
        self.trainer.one(steps)

    def set(self, **settings: Any) -> None:
        """Turn `lr=`, `momentum=`, `clip=` before the next step."""
        self.trainer.set(**settings)

    def wait(self, timeout: float | None = None) -> TrainerPanel:
        """Until the run has ended; raises what a step raised."""
        self.trainer.wait(timeout)
        return self

    def _moving(self, what: str) -> None:
        if self.still:
            raise RuntimeError(
                f"This is a snapshot, a picture of a panel: {what} belongs to the panel it was taken from."
            )

    # -- live --------------------------------------------------------------------------------------------------------
    def _wake(self) -> None:
        if self._widget is not None:
            self._pump.wake()

    def _send(self) -> None:
        with self.curve.lock:
            fresh = self._news.fresh()
            if fresh is None:
                self.renew()
                return
            self.tell({"status": self.status(), "points": fresh[0]}, fresh[1])

    def _rest(self) -> None:
        if self._news.owed:
            self.renew()
            self.settle()

    def renew(self) -> None:
        """Show everything as it is now."""
        with self.curve.lock, self._news.whole():
            super().renew()

    def hear(self, message: Any, buffers: Any) -> None:
        """A button, a field, or the curve's wish to see more. Only flags are set here; the loop reads them."""
        if "window" in message:
            low, high = (float(v) for v in message["window"])
            self.tell({"window": [low, high], "lines": self.curve._columns(low, high)[0]})
        elif "fork" in message:
            self._fork(int(message["fork"]), dict(message.get("set", {})), message.get("steps"))
        elif "set" in message:
            self.trainer.set(**message["set"])
        else:
            self._do(str(message["do"]))
        self._wake()

    def _do(self, button: str) -> None:
        trainer = self.trainer
        if button == "pause":
            trainer.pause()
        elif button == "stop":
            trainer.stop()
        elif button in ("resume", "step"):
            if not (trainer._alive() or trainer._inside) and not trainer.threaded:
                raise RuntimeError("This run belongs to a cell and no cell is running it: run the cell again to go on")
            trainer.one() if button == "step" else trainer.resume() if trainer.state == "paused" else trainer.run()
        else:
            raise ValueError(f"no such button: {button}")

    def _fork(self, at: int, settings: dict[str, Any], steps: Any) -> None:
        """Branch off, on a thread: hearing must be short."""
        from gradviz.widgets.training.fork import fork

        def work() -> None:
            try:
                fork(self.trainer, at, steps=None if steps is None else int(steps), **settings)
            except Exception as error:
                if self._widget is not None:
                    self._widget.send({"failed": f"{type(error).__name__}: {error}"})
            self._wake()

        threading.Thread(target=work, name="gradviz fork", daemon=True).start()

    def data(self) -> dict[str, Any]:
        """All that the page is given: with times and memory, which a picture to keep leaves out."""
        return {**self._about(), "status": self.status(), "curve": self.curve.data()}

    def status(self) -> dict[str, Any]:
        """What changes from step to step."""
        trainer, rates = self.trainer, self.trainer.speed.rates()
        total = trainer.total
        left = None if total is None else max(0, total - trainer.iteration)
        going = trainer.state == "running" and rates is not None and left is not None
        return {
            **self._steady(),
            "rates": None if rates is None else list(rates),
            "seconds": trainer.speed.seconds,
            "eta": left / rates[0] if going and left is not None and rates is not None else None,
            "memory": memory(),
        }

    # -- pictures ----------------------------------------------------------------------------------------------------
    def _about(self) -> dict[str, Any]:
        return {"format": "gradviz.trainer_panel/1", "title": self.name[:NAME], "can": self._can()}

    def _can(self) -> dict[str, Any]:
        """What the page may offer."""
        from gradviz.widgets.training.keyframes import groups

        if self._kept is not None:
            return self._kept
        trainer = self.trainer
        made = type(trainer.optimizer).__name__ if trainer.optimizer is not None else None
        return {
            "start": trainer._own_step,
            "fork": trainer._own_step and trainer.keyframes.keep > 0,
            "optimizer": made,
            "groups": len(groups(trainer.optimizer)),
        }

    def _steady(self) -> dict[str, Any]:
        """The part of the status that is the same in every run of the same cell."""
        if self._kept_status is not None:
            return self._kept_status
        trainer, feed = self.trainer, self.trainer._feed
        epochs = feed.epochs if feed is not None else trainer.epochs
        return {
            "state": trainer.state,
            "iteration": trainer.iteration,
            "total": trainer.total,
            "epoch": min(epochs, (feed.epoch if feed is not None else 0) + 1),
            "epochs": epochs,
            "settings": trainer.knobs.read(),
            "last": {name[:NAME]: value if value - value == 0 else str(value) for name, value in trainer.last.items()},
            "note": trainer.note,
            "error": "" if trainer.error is None else f"{type(trainer.error).__name__}: {trainer.error}"[:500],
            "trouble": trainer.trouble[-TROUBLE:],
        }

    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows; no times and no memory, so it is the same each time."""
        return {**self._about(), "status": self._steady(), "curve": self.curve.to_json()}

    def title(self) -> str:
        """One line that says what is seen."""
        s = self._steady()
        of = f" of {s['total']}" if s["total"] else ""
        last = ", ".join(f"{name} {number(value)}" for name, value in s["last"].items())
        return f"{self.name}: {s['state']}, {s['iteration']}{of} steps" + (f", {last}" if last else "")

    def to_text(self) -> str:
        """The text twin: how far it is, the settings, the curves, and what went wrong."""
        s = self._steady()
        settings = ", ".join(f"{name} {number(value)}" for name, value in s["settings"].items() if value is not None)
        lines = [
            clean(self.title())[:1000],
            f"epoch {s['epoch']} of {s['epochs']}" + (f"; {settings}" if settings else ""),
        ]
        return "\n".join([*lines, self.curve.to_text(), *([s["error"]] if s["error"] else [])])

    def table(self) -> list[list[str]]:
        """The curves as a table."""
        return self.curve.table()

    def to_svg(self, theme: str = "light") -> str:
        """The curve under a line that says how far the run is."""
        return loss_curve_svg.draw(self.curve, self.title(), theme, heading=self.title())

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it answer."""
        return replay_html(
            "trainer_panel",
            self.to_json(),
            self.to_svg(),
            self.to_text(),
            self.table(),
            caption="The curves as a table",
        )

    def snapshot(self) -> TrainerPanel:
        """A picture of the panel as it is now: it answers without a kernel, and does not move any more."""
        made = TrainerPanel.__new__(TrainerPanel)
        still = Trainer(optimizer=None)
        still.curve = self.curve.snapshot()
        made.__dict__.update(
            trainer=still, name=self.name, still=True, _kept_status=self._steady(), _pump=Pump(lambda: None)
        )
        made._news, made._kept = News(still.curve), self._can()
        return made

    _kept: dict[str, Any] | None = None  # of a snapshot, like the next
    _kept_status: dict[str, Any] | None = None
