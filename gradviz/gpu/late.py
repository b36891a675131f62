"""What was wrong on a GPU, found out when the host waits for it anyway.

Looking at a value stops the host until the GPU has done all its work. So an index out of range does not raise where
it is used: a kernel notes it in a cell on the device (kernels/checks.cu), and who next fetches numbers (`.item()`,
`.cpu()`, `synchronize`) gets the error. CUDA's own errors come late in the same way; CUDA_LAUNCH_BLOCKING=1 makes both
come at once. No number of checks makes the host wait, and a captured graph checks again with every replay.
"""

from __future__ import annotations

import itertools
import os
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.checks import Later, defer
from ..core.device import Device
from . import graphs
from .compiled import blocks_for, launch, named, whole

# Checks whose errors are kept, fewer of those that keep arrays alive: of an older one only the value is told.
KEPT, KEPT_ARRAYS = 4096, 64
Error = Callable[[int], Exception]
_next = itertools.count(1).__next__
_checks: dict[int, Checks] = {}


class Told:
    """Whether fetching numbers is told: 0 not, 1 by a warning, 2 by an error (gradviz.cuda.set_sync_debug_mode)."""

    mode = 0


def fetching() -> None:
    """The host is about to wait for numbers."""
    if Told.mode == 1:
        warnings.warn("called a synchronizing CUDA operation", UserWarning, stacklevel=4)
    elif Told.mode == 2:
        raise RuntimeError("called a synchronizing CUDA operation")


class Checks:
    """The checks of one device: its cell, what each of the last would raise, whether there is reason to look."""

    def __init__(self, device: Device) -> None:
        self.device, self.due = device, False
        self.cell: Any = None
        self.errors: OrderedDict[int, Error] = OrderedDict()
        self.errors_with_arrays: OrderedDict[int, Error] = OrderedDict()
        self.of_graphs: weakref.WeakKeyDictionary[Any, dict[int, Error]] = weakref.WeakKeyDictionary()

    def ready(self) -> None:
        """Make the cell. It is not to be part of a graph, so whatever begins to capture calls this."""
        if self.cell is None:
            self.device.enter()
            self.cell = self.device.xp.zeros(2, dtype=np.int64)

    def new(self, error: Error, arrays: bool = False) -> tuple[Any, Any]:
        """What a kernel that checks is given: the cell, and its number. `arrays`: the error keeps some alive."""
        number = _next()
        if graphs.capturing():
            graph = graphs.being_captured()
            if graph not in self.of_graphs:
                self.of_graphs[graph] = {}
                graph.on_replay.append(self.ask)
            self.of_graphs[graph][number] = error
        else:
            self.ready()
            errors, most = (self.errors_with_arrays, KEPT_ARRAYS) if arrays else (self.errors, KEPT)
            errors[number] = error
            if len(errors) > most:
                errors.popitem(last=False)
            self.due = True
        return self.cell, np.int64(number)

    def ask(self) -> None:
        """There is reason to look from now on."""
        self.due = True

    def at_once(self) -> None:
        """With CUDA_LAUNCH_BLOCKING=1, look now."""
        if os.environ.get("CUDA_LAUNCH_BLOCKING") == "1" and not graphs.capturing():
            self.settle()

    def settle(self) -> None:
        """Raise what is noted in the cell. The host waits for it, so this belongs where it waits anyway."""
        if not self.due:
            return
        self.due = False
        self.device.enter()
        number, value = self.cell.get().tolist()
        if not number:
            return
        self.cell.fill(0)
        kept = (self.errors, self.errors_with_arrays, *self.of_graphs.values())
        found = [errors[number] for errors in kept if number in errors]
        error = found[0](value) if found else IndexError(f"an index or target was out of range: {value}")
        error.add_note(
            "It was found when numbers were fetched; the operation itself ran earlier. With the environment "
            "variable CUDA_LAUNCH_BLOCKING=1 it is raised where it happens."
        )
        raise error


def check_later(device: Device) -> None:
    """Let a device's checks wait."""
    checks = _checks[device.index or 0] = Checks(device)

    def within(index: Any, low: int, high: int, error: Error, arrays: bool = False) -> None:
        _look(device, index, low, high, checks.new(error, arrays))
        checks.at_once()

    def refuse(bad: Any, error: Callable[[], Exception]) -> None:
        within(bad, 0, 1, lambda value: error(), arrays=True)

    defer(device.xp, Later(refuse, within))


def ready() -> None:
    """Make all devices ready for checks inside a graph."""
    for checks in _checks.values():
        checks.ready()


def _look(device: Device, values: Any, low: int, high: int, told: tuple[Any, Any]) -> None:
    values = whole(device.xp, values)
    bounds = np.int64(low), np.int64(high)
    args = (values, np.int64(values.size), *bounds, *told)
    launch(device, "checks", f"within_{named(values.dtype)}", None, blocks_for(values.size), args)


def of(device: Device) -> Checks:
    """The checks of a device, for kernels that check by themselves."""
    return _checks[device.index or 0]


def settle(device: Device) -> None:
    """Raise what a check of this device found since the host last looked."""
    checks = _checks.get(device.index or 0)
    if checks is not None:
        checks.settle()
