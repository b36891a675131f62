"""The generators of GPUs: seeds and states (torch.cuda). What they draw is in gradviz.gpu.philox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.random import as_seed, generator_for
from ..core.tensor import Tensor
from ..gpu.backend import open_device, unusable, why_not
from .devices import device_count, index_of


def _generator(device: Any) -> Any:
    if why_not():
        raise unusable()
    return generator_for(open_device(f"cuda:{index_of(device)}"))


def manual_seed(seed: int) -> None:
    """Seed the current device's generator; nothing where there is no device."""
    number = as_seed(seed)
    if device_count():
        _generator(None).manual_seed(number)


def manual_seed_all(seed: int) -> None:
    """Seed every device's generator; nothing where there is no device."""
    number = as_seed(seed)
    for i in range(device_count()):
        _generator(i).manual_seed(number)


def seed() -> None:
    """Seed the current device's generator with a number that the operating system made."""
    if device_count():
        _generator(None).seed()


def seed_all() -> None:
    """Seed every device's generator with one number that the operating system made."""
    if device_count():
        manual_seed_all(_generator(0).seed())


def initial_seed() -> int:
    """The seed of the current device's generator."""
    return int(_generator(None).initial_seed())


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The state of a device's generator: a uint8 tensor of 16 bytes, seed and offset."""
    state: Tensor = _generator(device).get_state()
    return state


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Continue a device's generator from a state; nothing where there is no device."""
    if device_count():
        _generator(device).set_state(new_state)


def get_rng_state_all() -> list[Tensor]:
    """The states of all devices' generators."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Continue all devices' generators from their states."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)
