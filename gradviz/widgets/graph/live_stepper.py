"""`LiveStepper`: the stepper that drives a real backward pass in the kernel, step by step, and takes it back.

`BackpropStepper` plays a recording: nothing in the session changes. Here the same picture is tied to an engine's
`Backward` that waits in the kernel: where the page stands, the pass stands, and `.grad` of the learner's leaves is what
it is at that step. At the end it is what ``loss.backward()`` leaves behind; back at the start it is what was before.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Self

from gradviz.core.backward import Backward
from gradviz.core.node import AccumulateGrad, edge_of
from gradviz.core.record import Recorder, Recording
from gradviz.core.summary import summary
from gradviz.core.tensor import Tensor
from gradviz.widgets.graph.breakpoints import Stop
from gradviz.widgets.graph.embed import digits
from gradviz.widgets.graph.observed_pass import last_pass
from gradviz.widgets.graph.stepper import BackpropStepper
from gradviz.widgets.live import LiveView

LEAVES = 12  # leaves whose `.grad` the page is told
_open: weakref.WeakSet[LiveStepper] = weakref.WeakSet()


class LiveStepper(BackpropStepper, LiveView):
    """Steps a real backward pass from the page, or from here.

        live = LiveStepper(loss)      in a cell; Next and Back in the page now move the engine
        w.grad                        in another cell: what it is at this step
        live.step(); live.back(); live.run(); live.seek(3); live.close()

    Closing it, here or by taking the view off the page, takes a pass that is under way back to its start; a finished
    one stays. As a context manager it closes itself.

    Args:
        source, title, depth, stop, check, gradient: as for `BackpropStepper`; a tape must not have gone backward yet.
        retain_graph: whether the graph can be used again after the end, as for ``loss.backward(retain_graph=True)``.
    """

    view = "viewer"

    def __init__(
        self,
        source: Any,
        *,
        title: str | None = None,
        depth: int | None = None,
        stop: str | Stop | Sequence[str | Stop] = (),
        check: bool = False,
        retain_graph: bool = False,
        gradient: Any = None,
    ) -> None:
        source, result = _watched(source, gradient)
        if isinstance(source, Tensor):
            _rewind(source)
        super().__init__(source, title=title, depth=depth, stop=stop, check=check, gradient=gradient)
        root = result()
        if not isinstance(self.recording, Recording) or root is None or not isinstance(root, Tensor):
            raise TypeError(
                "a live stepper needs a result of gradviz that is still there: give the loss, or a function"
            )
        self.session = Backward([root], None if gradient is None else [gradient], retain_graph=retain_graph)
        self.at = 0  # steps of the record's pass that have been taken
        self.closed = False
        self._positions = _positions(self.session, self.recording)
        self._pages: set[str] = set()
        self._leaves = [node for node in self.session.plan if isinstance(node, AccumulateGrad)]
        _open.add(self)

    # -- stepping ---------------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self._positions) - 1

    def seek(self, step: int) -> Self:
        """Go to a step of the pass, 0 to `len(self)`; the page follows. What a rule or hook raises comes from here."""
        with self.lock:
            if self.closed:
                raise RuntimeError("this live stepper was closed\nMake another: LiveStepper(loss).")
            if not 0 <= step <= len(self):
                raise IndexError(f"step {step} is outside the pass of {len(self)} steps")
            try:
                self.session.seek(self._positions[step])
            finally:
                cursor = self.session.cursor
                self.at = max(k for k, position in enumerate(self._positions) if position <= cursor or k == 0)
                self.tell(self._state())
        return self

    def step(self) -> Self:
        """One step on; nothing at the end."""
        return self.seek(min(self.at + 1, len(self)))

    def back(self) -> Self:
        """One step back; nothing at the start."""
        return self.seek(max(self.at - 1, 0))

    def run(self) -> Self:
        """To the end: what ``loss.backward()`` does."""
        return self.seek(len(self))

    def close(self) -> None:
        """End it: a pass that is under way is taken back to its start, a finished one stays."""
        with self.lock:
            if not self.closed:
                self._settle()
                self.closed = True
                self.tell(self._state())

    def _settle(self) -> None:
        if not self.session.done:
            self.session.seek(0)
            self.at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- the page ---------------------------------------------------------------------------------------------------
    def hear(self, message: Any, buffers: Any) -> None:
        if "hello" in message:
            self._pages.add(str(message["hello"]))
            self.tell(self._state())
        elif "leave" in message:
            self._pages.discard(str(message["leave"]))
            if not self._pages and not self.closed:
                self._settle()
        elif self.closed:
            self.tell(self._state())
        else:
            try:
                self.seek(int(message["at"]))
            except Exception as error:
                self.tell({**self._state(), "failed": f"{type(error).__name__}: {error}"})

    def _state(self) -> dict[str, Any]:
        """Where the pass stands in the kernel, and what is in `.grad` there."""
        names = self.recording.recorder  # type: ignore[union-attr]
        shown = self._places
        grads = []
        for node in self._leaves[:LEAVES]:
            grad = node.variable._grad
            told = None if grad is None else summary(grad._array, grad.device)
            if told is not None and told["data"] is not None:
                told["data"] = [digits(x) for x in told["data"]]
            n = shown.get(names.ordinal(node.variable))
            if n is not None:
                grads.append([n, told])
        more = max(0, len(self._leaves) - LEAVES)
        return {"at": self.at, "of": len(self), "grads": grads, "more": more, "closed": self.closed}

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "session": self._state()}


def _rewind(root: Tensor) -> None:
    """Take back what another live stepper of the same result left under way: the cell may have been run again."""
    edge = edge_of(root)
    for other in list(_open):
        if not other.closed and any(edge_of(r) is edge for r in other.session.roots):
            other.close()


def _watched(source: Any, gradient: Any) -> tuple[Any, Callable[[], Any]]:
    """The source, and where to find the result that it is about once it has been recorded."""
    if isinstance(source, Tensor):
        return source, lambda: source
    if isinstance(source, Recorder | Recording):
        recorder = source if isinstance(source, Recorder) else source.recorder
        if any(step["kind"] == "backward" for step in recorder.steps):
            raise RuntimeError(
                "this tape has gone backward already: there is nothing left to step\n"
                "Record the forward pass only, or give the loss or a function."
            )
        result = recorder.last_result(None if gradient is None else tuple(gradient.shape))
        return source, lambda: result
    if not callable(source):
        return source, lambda: None
    found: list[Any] = []

    def run(*inputs: Any) -> Any:
        made = source(*inputs)
        items = made.values() if isinstance(made, dict) else made if isinstance(made, tuple | list) else (made,)
        found[:] = [item for item in items if isinstance(item, Tensor)][:1]
        return made

    return run, lambda: found[0] if found else None


def _positions(session: Backward, recording: Recording) -> list[int]:
    """For each step of the record's pass the engine's position after it; a node that nothing reached has no step."""
    recorder = recording.recorder
    steps = [step for step in last_pass(recording) if step["kind"] in ("backward", "accumulate")]
    found, k = [0], 0
    for position, node in enumerate(session.plan, 1):
        if k == len(steps):
            break
        leaf = isinstance(node, AccumulateGrad)
        numbers = [recorder._known(node.variable)] if leaf else [recorder.by_seq.get((node.seq, i)) for i in range(64)]
        if steps[k]["kind"] == ("accumulate" if leaf else "backward") and steps[k]["n"] in numbers:
            found.append(position)
            k += 1
    found[-1] = len(session.plan) if k else found[-1]
    return found
