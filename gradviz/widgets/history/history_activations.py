"""What a run's activations look like: the share of zeros, of dead units and of saturated ones, their mean and spread.

    heard = Activations(model)
    events.listen(heard)      # one or more forward passes
    heard.taken()             # {"act1": {...}, "relu#1": {...}}: what they were, and forget it

Heard are the modules of `nn.modules.activation`, and the same functions called by a module itself (`F.relu` in a
`forward`): those are named after the module and counted, `block1.relu#2` is the second in `block1`. Passes under
`no_grad` teach nothing and do not count.

A unit is what one weight vector feeds: a column of a Linear's output, a channel of a convolution's. It is dead when it
was exactly 0 for every sample and at every place; it is saturated where the slope is under a twentieth of the largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.core import events
from gradviz.core.mode import current_module, grad_mode
from gradviz.core.tensor import Tensor
from gradviz.nn.modules import activation
from gradviz.widgets.history.history_bins import Distribution, distribution, joined

MODULES = tuple(
    kind
    for kind in vars(activation).values()
    if isinstance(kind, type) and kind.__module__ == activation.__name__ and not kind.__name__.startswith("_")
)
OPS = {
    "relu", "sigmoid", "tanh", "gelu", "silu", "mish", "elu", "leaky_relu", "hardtanh", "hardswish", "hardsigmoid",
    "softplus", "logsigmoid", "hardshrink", "softshrink", "threshold", "prelu", "rrelu", "rrelu_with_noise", "glu",
}  # fmt: skip
FLAT = 0.05  # of the largest slope
SATURATED: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda y: 1 - y * y < FLAT,
    "sigmoid": lambda y: 4 * y * (1 - y) < FLAT,
    "softsign": lambda y: (1 - np.abs(y)) ** 2 < FLAT,
    "hardsigmoid": lambda y: (y <= 0) | (y >= 1),
}
CHANNELS = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm")  # modules whose units are dimension 1
NAMED = 32  # functions of one module that are told apart; the last stands for any more


class Activations:
    """Hears module calls and operations, and keeps running statistics; never a tensor."""

    def __init__(self, module: Any, bins: bool = False) -> None:
        self.bins = bins
        self.order: list[str] = []  # of modules and functions, as they first ran
        self._names = {id(part): name for name, part in module.named_modules()}
        self._calls: dict[str, int] = {}
        self._sums: dict[str, _Sums] = {}
        self._channels: bool | None = None  # whether the last layer's units were dimension 1

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind is events.Forward:
            if getattr(event.op, "name", None) in OPS and grad_mode.get():
                self._function(event.op.name, event.output)
        elif kind is events.Inplace:
            if getattr(event.op, "name", None) in OPS and grad_mode.get():
                self._function(event.op.name, event.target)
        elif kind is events.ModuleEnter:
            self._enter(event.module)
        elif kind is events.ModuleExit:
            self._exit(event.module, event.output)

    def _enter(self, module: Any) -> None:
        name = self._names.get(id(module))
        if name is None:
            return
        self._ran(name)
        if module.__class__.__name__.startswith(CHANNELS):
            self._channels = True
        elif module.__class__.__name__ in ("Linear", "LayerNorm", "Embedding"):
            self._channels = False
        for key in [key for key in self._calls if key.rpartition(".")[0] == name]:
            del self._calls[key]

    def _exit(self, module: Any, output: Any) -> None:
        name = self._names.get(id(module))
        if name is not None and isinstance(module, MODULES) and isinstance(output, Tensor) and grad_mode.get():
            self._take(name or type(module).__name__, type(module).__name__.lower(), output)

    def _function(self, op: str, output: Any) -> None:
        link = current_module.get()
        if link is None or not isinstance(output, Tensor):
            return
        module = link[1]
        name = self._names.get(id(module))
        if name is None or isinstance(module, MODULES):
            return
        label = f"{name}.{op}" if name else op
        if not type(module).__module__.startswith("gradviz.nn."):  # a loop of our own, as in an LSTM, is one
            key = f"{name}.{op}"
            count = self._calls[key] = self._calls.get(key, 0) + 1
            label = f"{label}#{min(count, NAMED)}"
        self._take(label, op, output)

    def _ran(self, name: str) -> None:
        if name not in self.order:
            self.order.append(name)

    def _take(self, name: str, kind: str, output: Any) -> None:
        array = np.asarray(output.device.to_numpy(output._array))
        if array.dtype.kind not in "fV" or not array.size:
            return
        self._ran(name)
        if name not in self._sums:
            self._sums[name] = _Sums(kind)
        self._sums[name].add(array, self._channels, self.bins)

    def taken(self) -> tuple[dict[str, dict[str, Any]], dict[str, Distribution]]:
        """What was heard since the last time: statistics, and distributions, by name."""
        sums, self._sums = self._sums, {}
        self._calls.clear()
        return (
            {name: one.facts() for name, one in sums.items()},
            {name: one.spread for name, one in sums.items() if one.spread is not None},
        )


class _Sums:
    """Statistics of one activation over the calls of one iteration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.n = self.zero = self.flat = self.nan = self.inf = 0
        self.mean = self.squares = 0.0
        self.alive: dict[int, Any] = {}  # by the number of units: which of them were not 0
        self.spread: Distribution | None = None

    def add(self, array: Any, channels: bool | None, bins: bool) -> None:
        wide = array.astype(np.float64)
        on = array != 0
        deep = array.ndim > 3 if channels is None else channels and array.ndim > 2
        axis = 1 if deep else array.ndim - 1
        unit = on.any(axis=tuple(i for i in range(array.ndim) if i != axis)) if array.ndim else on.reshape(1)
        before = self.alive.get(unit.size)
        self.alive[unit.size] = unit if before is None else before | unit
        n, mean = wide.size, float(wide.mean())
        with np.errstate(invalid="ignore", over="ignore"):
            squares = float(((wide - mean) ** 2).sum())
        if not math.isfinite(mean):
            self.nan += int(np.isnan(wide).sum())
            self.inf += int(np.isinf(wide).sum())
        total = self.n + n
        self.squares += squares + self.n * n / total * (mean - self.mean) ** 2  # Chan, Golub and LeVeque 1979
        self.mean = mean if not self.n else (self.mean * self.n + mean * n) / total
        self.n, self.zero = total, self.zero + int(wide.size - np.count_nonzero(on))
        if self.kind in SATURATED:
            with np.errstate(invalid="ignore", over="ignore"):
                self.flat += int(np.count_nonzero(SATURATED[self.kind](wide)))
        if bins:
            one = distribution(array)
            self.spread = one if self.spread is None else joined(self.spread, one)

    def facts(self) -> dict[str, Any]:
        units = sum(unit.size for unit in self.alive.values())
        return {
            "n": self.n, "units": units, "zero": self.zero / self.n,
            "dead": sum(int((~unit).sum()) for unit in self.alive.values()) / units,
            "saturated": self.flat / self.n if self.kind in SATURATED else None,
            "mean": self.mean, "std": math.sqrt(self.squares / self.n), "nan": self.nan, "inf": self.inf,
        }  # fmt: skip
