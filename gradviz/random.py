"""Random numbers: seeds and states of the generators (torch.random)."""

from .core.random import Generator as Generator
from .core.random import default_generator as default_generator
from .core.random import fork_rng as fork_rng
from .core.random import get_rng_state as get_rng_state
from .core.random import initial_seed as initial_seed
from .core.random import manual_seed as manual_seed
from .core.random import seed as seed
from .core.random import set_rng_state as set_rng_state
from .core.random import thread_safe_generator as thread_safe_generator

__all__ = [
    "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state",
    "thread_safe_generator",
]  # fmt: skip
