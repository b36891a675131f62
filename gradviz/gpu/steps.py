"""Steps of optimisers and GradScaler on a cuda device: one kernel changes up to 12 tensors (kernels/steps.cu).

They are among the device's forwards, under the names that `gradviz.optim` and `gradviz.amp` ask for: "sgd_step",
"adam_step" and "unscale".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.device import Device
from .compiled import THREADS, launch, types_of, whole

TOGETHER = 12  # tensors in one launch, as in the text
PER_THREAD = 4  # numbers that a thread changes, so that few blocks change many
NOTHING = np.uint64(0)  # a null pointer
Arrays = list[Any]


def register(device: Device) -> None:
    """Offer the kernels to the optimisers of a device's parameters."""
    device.forwards["sgd_step"] = _sgd(device)
    device.forwards["adam_step"] = _adam(device)
    device.forwards["unscale"] = _unscale(device)


def _launch(device: Device, name: str, columns: list[Arrays | None], *more: Any) -> None:
    """Run a kernel over the tensors in `columns` (parameters, gradients, state; None where there is none)."""
    first = columns[0] or []
    kind = first[0].dtype
    for start in range(0, len(first), TOGETHER):
        some = range(start, min(start + TOGETHER, len(first)))
        given: list[Any] = []
        for i in some:
            given += [NOTHING if column is None else column[i] for column in columns]
            given.append(np.int64(first[i].size))
        given += [*[NOTHING] * len(columns), np.int64(0)] * (TOGETHER - len(some))
        largest = max(first[i].size for i in some)
        blocks = -(-largest // (THREADS * PER_THREAD))
        launch(device, "steps", name, kind, (blocks, len(some)) if blocks else 0, (*given, *more))


def fits(params: Arrays, state: list[Arrays]) -> bool:
    """Whether the kernels can change these arrays: real numbers, each array in one piece."""
    every = [*params, *(a for column in state for a in column)]
    return params[0].dtype.name in types_of("steps") and all(a.flags.c_contiguous for a in every)


def _sgd(device: Device) -> Callable[..., bool]:
    def step(
        params: Arrays, grads: Arrays, state: dict[str, Arrays], group: dict[str, Any], *, lr: float, decay: float,
        fresh: bool, found: Any, count: float,
    ) -> bool:  # fmt: skip
        if not fits(params, list(state.values())):
            return False
        columns = [params, _whole(device, grads), state.get("momentum_buffer")]
        numbers = (np.float64(v) for v in (lr, group["momentum"], group["dampening"], decay))
        flags = (np.bool_(v) for v in (group["nesterov"], group["maximize"], fresh))
        _launch(device, "sgd", columns, NOTHING if found is None else found, *numbers, *flags)
        return True

    return step


def _adam(device: Device) -> Callable[..., bool]:
    def step(
        params: Arrays, grads: Arrays, state: dict[str, Arrays], group: dict[str, Any], *, lr: float, decay: float,
        fresh: bool, found: Any, count: float,
    ) -> bool:  # fmt: skip
        if not fits(params, list(state.values())):
            return False
        beta1, beta2 = group["betas"]
        apart = group["decoupled_weight_decay"]
        numbers = (
            lr / (1 - beta1**count), (1 - beta2**count) ** 0.5, beta1, beta2, group["eps"], 0 if apart else decay,
            1 - lr * decay if apart else 1,
        )  # fmt: skip
        columns = [params, _whole(device, grads), *(state.get(n) for n in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"))]
        more = (*(np.float64(v) for v in numbers), np.bool_(group["maximize"]))
        _launch(device, "adam", columns, NOTHING if found is None else found, *more)
        return True

    return step


def _unscale(device: Device) -> Callable[..., bool]:
    def unscale(grads: Arrays, found: Any, inverse: Any) -> bool:
        if not fits(grads, []):
            return False
        _launch(device, "unscale", [grads], found, inverse)
        return True

    return unscale


def _whole(device: Device, grads: Arrays) -> Arrays:
    return [whole(device.xp, g) for g in grads]
