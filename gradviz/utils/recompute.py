"""One checkpointed call: tickets in place of what backward needs, and the second run that redeems them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from gradviz.core import events
from gradviz.core.backward import running
from gradviz.core.errors import noted
from gradviz.core.mode import enable_grad
from gradviz.core.random import get_rng_state, set_rng_state
from gradviz.core.saved import saved_tensors_hooks
from gradviz.core.tensor import Tensor


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function did not do what the first did."""


class _StopRecomputation(Exception):  # noqa: N818 (it stops the second run; nothing is wrong)
    """Everything that backward needs has been computed again."""


class Settings:
    """What the two context managers below change."""

    early_stop: bool | None = None
    debug: bool | None = None


def metadata(tensor: Tensor) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


CHECKS: dict[str, Any] = {"default": metadata, "none": lambda tensor: None}


class Frame:
    """One checkpointed call: how to run it again, and what its nodes kept tickets for."""

    def __init__(
        self, function: Any, args: Any, kwargs: Any, preserve: bool, second: Any, look: Any, debug: bool, early: bool
    ) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.second, self.look, self.debug = second, look, debug
        self.early = early if Settings.early_stop is None else Settings.early_stop
        self.state = get_rng_state() if preserve else None
        self.kept: list[Any] = []  # what every kept tensor looked like
        self.session: Any = None  # the pass that `again` belongs to
        self.again: dict[int, Tensor] = {}
        self.first_ops: list[str] = []
        self.second_ops: list[str] = []

    def pack(self, tensor: Tensor) -> int:
        """A ticket for a tensor of the first run."""
        self.kept.append(self.look(tensor))
        return len(self.kept) - 1

    def unpack(self, ticket: int) -> Tensor:
        """The tensor of the second run that belongs to a ticket."""
        session = running.get()
        if self.session is not session or ticket not in self.again:
            self.session = session
            self._run_again()
        return self.again.pop(ticket)

    def _run_again(self) -> None:
        found: list[Tensor] = []

        def collect(tensor: Tensor) -> Any:
            if len(found) == len(self.kept):
                self._refuse(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the original "
                    "forward pass."
                )
            found.append(tensor.detach())
            if self.early and len(found) == len(self.kept):
                raise _StopRecomputation
            return None

        def refuse(_: Any) -> Tensor:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. If you "
                "are calling ctx.saved_tensors in backward, make sure to do so only once."
            )

        self.second_ops.clear()
        with (
            random_state(self.state),
            enable_grad(),
            contextlib.suppress(_StopRecomputation),
            self.listening(self.second_ops),
            saved_tensors_hooks(collect, refuse),
            self.second,
        ):
            self.function(*self.args, **self.kwargs)
        self._check(found)
        self.again = dict(enumerate(found))

    def _check(self, found: list[Tensor]) -> None:
        """The second run must have kept as many tensors as the first, and tensors like them."""
        if len(found) != len(self.kept):
            self._refuse(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.kept)}\nNumber of tensors saved "
                f"during recomputation: {len(found)}."
            )
        unlike = [
            f"tensor at position {i}:\nsaved metadata: {seen}\nrecomputed metadata: {self.look(tensor)}"
            for i, (seen, tensor) in enumerate(zip(self.kept, found, strict=True))
            if self.look(tensor) != seen
        ]
        if unlike:
            self._refuse(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                "during the forward pass.\n" + "\n".join(unlike)
            )

    def _refuse(self, text: str) -> None:
        if not self.debug:
            raise noted(CheckpointError(text))
        ran = [f"{what}: {', '.join(ops)}" for what, ops in (("first", self.first_ops), ("again", self.second_ops))]
        raise noted(
            CheckpointError(
                " An error happened while unpacking tensors; dumping logs of latest computation\n"
                + "\n".join([*ran, text])
            )
        )

    @contextlib.contextmanager
    def listening(self, ops: list[str]) -> Iterator[None]:
        """With `debug`, note the operations that run."""
        if not self.debug:
            yield
            return

        def note(event: Any) -> None:
            if event.__class__ is events.Forward:
                ops.append(str(getattr(event.op, "name", None) or event.op.__name__))

        events.listen(note)
        try:
            yield
        finally:
            events.unlisten(note)


@contextlib.contextmanager
def random_state(state: Any) -> Iterator[None]:
    """The random numbers of an earlier moment inside; afterwards the stream goes on where it was."""
    if state is None:
        yield
        return
    now = get_rng_state()
    set_rng_state(state)
    try:
        yield
    finally:
        set_rng_state(now)
