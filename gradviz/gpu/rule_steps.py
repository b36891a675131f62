"""Steps of the less used optimisers on a cuda device: one launch, and one more where steps are counted there.

What a kernel of kernels/rules.cu takes besides its table is a row of RULES. They are among the device's forwards under
the optimiser's own name for its kernel, as SGD's and Adam's are (gradviz/gpu/steps.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.device import Device
from .compiled import blocks_for, launch
from .steps import Arrays, fits, rate_of, whole_gradients
from .table import table

Group = dict[str, Any]
Options = Callable[[Group], tuple[Any, ...]]


class Counting(NamedTuple):
    """The kernel that counts steps: what it changes, its options, and whether they begin with the learning rate."""

    name: str = "count"
    numbers: tuple[str, ...] = ("step",)
    options: Options = lambda group: ()
    takes_rate: bool = False
    after: bool = False  # what it makes is for the next step


class Kernel(NamedTuple):
    """A step: arrays and numbers that are kept, as the columns of the table; its options; how its steps are counted."""

    arrays: tuple[str, ...]
    numbers: tuple[str, ...]
    options: Options
    counting: Counting = Counting()

    @property
    def beside(self) -> tuple[str, ...]:
        """The numbers besides the count."""
        return tuple(name for name in self.numbers if name != "step")


def _of(*names: str) -> Options:
    """Options by their names, each number of a pair by itself."""
    return lambda group: tuple(v for n in names for v in (group[n] if isinstance(group[n], tuple) else (group[n],)))


RULES = {
    "adamax": Kernel(("exp_avg", "exp_inf"), ("step",), _of("betas", "eps")),
    "nadam": Kernel(
        ("exp_avg", "exp_avg_sq"), ("step", "mu_product"),
        _of("betas", "eps", "momentum_decay", "decoupled_weight_decay"),
        Counting(
            "nadam_numbers", ("step", "mu_product"), lambda group: (group["betas"][0], group["momentum_decay"])
        ),
    ),
    "radam": Kernel(("exp_avg", "exp_avg_sq"), ("step",), _of("betas", "eps", "decoupled_weight_decay")),
    "rmsprop": Kernel(("square_avg", "grad_avg", "momentum_buffer"), (), _of("alpha", "eps", "momentum")),
    "adadelta": Kernel(("square_avg", "acc_delta"), (), _of("rho", "eps")),
    "asgd": Kernel(
        ("ax",), ("eta", "mu"), _of("lambd"),
        Counting("asgd_numbers", ("step", "eta", "mu"), _of("lambd", "alpha", "t0"), takes_rate=True, after=True),
    ),
    "rprop": Kernel(("prev", "step_size"), (), _of("etas", "step_sizes")),
}  # fmt: skip


def register(device: Device) -> None:
    """Offer the kernels to the optimisers of a device's parameters."""
    for name, kernel in RULES.items():
        device.forwards[f"{name}_step"] = _step(device, name, kernel)


def _step(device: Device, name: str, kernel: Kernel) -> Callable[..., bool]:
    def step(
        params: Arrays, grads: Arrays, state: dict[str, Arrays], group: Group, *, lr: Any, decay: float, fresh: bool,
        found: Any, scale: Any, count: Any, numbers: dict[str, Arrays], host: dict[str, float],
    ) -> bool:  # fmt: skip
        """`numbers`: those that the device keeps for each tensor; none where the host counts: `count`, `host`."""
        if not fits(params, *state.values()) or not _alike(numbers):
            return False
        wide = np.bool_(bool(numbers) and numbers["step"][0].dtype.itemsize == 8)
        rate = rate_of(device, lr)
        if numbers and not kernel.counting.after:
            _count(device, kernel.counting, numbers, group, wide, rate)
        grads = whole_gradients(device, grads)
        columns = (*(state.get(n) for n in kernel.arrays), *(numbers.get(n) for n in kernel.numbers))
        made = table(device, params, grads, *columns)
        told = (np.float64(v) for v in (0 if numbers else count, *(host.get(n, 0) for n in kernel.beside)))
        common = (*rate, np.float64(decay), np.bool_(group["maximize"]), wide, *told)
        launch(
            device, "rules", name, params[0].dtype, made.blocks, (*made.args, *common, *_typed(kernel.options(group)))
        )
        if numbers and kernel.counting.after:
            _count(device, kernel.counting, numbers, group, wide, rate)
        return True

    return step


def _alike(numbers: dict[str, Arrays]) -> bool:
    """Whether all numbers are of one type; those of a state that was loaded may be of their parameters'."""
    kinds = {array.dtype for column in numbers.values() for array in column}
    return len(kinds) < 2 and all(kind.name in ("float32", "float64") for kind in kinds)


def _count(device: Device, by: Counting, numbers: dict[str, Arrays], group: Group, wide: Any, rate: Any) -> None:
    made = table(device, *(numbers[name] for name in by.numbers))
    args = (*made.args, wide, *(rate if by.takes_rate else ()), *_typed(by.options(group)))
    launch(device, "rules", by.name, np.dtype(np.float32), blocks_for(made.arrays), args)


def _typed(options: tuple[Any, ...]) -> list[Any]:
    """Options as kernels take them."""
    return [np.bool_(v) if isinstance(v, bool) else np.float64(v) for v in options]
