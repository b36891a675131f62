"""States of a training run, kept so that any iteration can be gone back to.

A keyframe holds all that the next step depends on: parameters, buffers, gradients, the optimiser's state, schedulers,
every random generator, and how far the loader has come. A bounded number is kept, evenly spaced from the first step to
now; from the one before an iteration the run is gone through again, step by step, and is the same to the bit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

KEEP = 8
MOST_BYTES = 512 * 2**20  # of all keyframes together


class Place(NamedTuple):
    """How far the loader has come."""

    epoch: int
    batches: int  # of this pass that were taken
    start: dict[str, Any] | None  # the random generators before the pass; None before it has begun


class Keyframe(NamedTuple):
    """What the step number `iteration` starts from."""

    iteration: int
    place: Place
    state: dict[str, Any]
    draws: dict[str, Any]
    settings: dict[str, Any]
    turned: tuple[Any, ...] = ()  # the changes of settings that were made before it


class Keyframes:
    """A bounded number of keyframes. When there are too many, every second one goes and the spacing doubles."""

    def __init__(self, keep: int = KEEP, most_bytes: int = MOST_BYTES) -> None:
        if keep < 0:
            raise ValueError(f"keep is how many states are kept for fork, 0 or more; got {keep}.")
        self.keep, self.most_bytes = keep, most_bytes
        self.frames: list[Keyframe] = []
        self.spacing = 1

    def due(self, iteration: int) -> bool:
        """Whether a state should be kept before this iteration."""
        return (
            self.keep > 0
            and iteration % self.spacing == 0
            and (not self.frames or self.frames[-1].iteration < iteration)
        )

    def add(self, frame: Keyframe) -> None:
        """Keep one more; makes room first."""
        self.frames.append(frame)
        room = max(1, min(self.keep, self.most_bytes // max(1, size_of(frame.state))))
        while len(self.frames) > room:
            self.spacing *= 2
            first = self.frames[0]
            self.frames = [f for f in self.frames if f is first or f.iteration % self.spacing == 0]
            if len(self.frames) > room and room == 1:
                self.frames = [first]

    def before(self, iteration: int) -> Keyframe | None:
        """The last one at or before an iteration."""
        known = [frame for frame in self.frames if frame.iteration <= iteration]
        return known[-1] if known else None

    def forget_after(self, iteration: int) -> None:
        """Drop what lies after an iteration: the run went another way from there."""
        self.frames = [frame for frame in self.frames if frame.iteration <= iteration]


# -- the state of model and optimiser --------------------------------------------------------------------------------
def parameters(model: Any, optimizer: Any) -> list[Any]:
    """The parameters of both, each once."""
    found: dict[int, Any] = {}
    if model is not None:
        found.update((id(p), p) for p in model.parameters())
    for group in groups(optimizer):
        found.update((id(p), p) for p in group["params"])
    return list(found.values())


def _loose(model: Any, known: list[Any]) -> list[Any]:
    """The parameters that the model does not know of."""
    own = set() if model is None else {id(p) for p in model.parameters()}
    return [p for p in known if id(p) not in own]


def groups(optimizer: Any) -> list[dict[str, Any]]:
    """The parameter groups, none for an optimiser that has no such thing."""
    return getattr(optimizer, "param_groups", None) or []


def capture(model: Any, optimizer: Any, extra: Iterable[Any] = ()) -> dict[str, Any]:
    """Copies of all that a step changes."""
    known = parameters(model, optimizer)
    return {
        "loose": [p.detach().clone() for p in _loose(model, known)],
        "gradients": [None if p.grad is None else p.grad.detach().clone() for p in known],
        "model": None if model is None else deepcopy(dict(model.state_dict())),
        "modes": [m.training for m in model.modules()] if model is not None else [],
        "optimizer": _object_state(optimizer, known),
        "extra": [_object_state(thing, known) for thing in extra],
    }


def restore(state: dict[str, Any], model: Any, optimizer: Any, extra: Iterable[Any] = ()) -> None:
    """Put everything back, in the same memory."""
    known = parameters(model, optimizer)
    if model is not None:
        model.load_state_dict(state["model"])
        for module, mode in zip(model.modules(), state["modes"], strict=True):
            module.training = mode
    for p, value in zip(_loose(model, known), state["loose"], strict=True):
        p.detach().copy_(value)
    for p, grad in zip(known, state["gradients"], strict=True):
        p.grad = None if grad is None else grad.clone()
    _set_object_state(optimizer, state["optimizer"], known)
    for thing, kept in zip(extra, state["extra"], strict=True):
        _set_object_state(thing, kept, known)


def _object_state(thing: Any, known: list[Any]) -> Any:
    """A copy of its state_dict; of all its attributes where it has none, as a learner's own optimiser may not."""
    if thing is None:
        return None
    if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict"):
        return deepcopy(thing.state_dict())
    return deepcopy(vars(thing), {id(p): p for p in known})


def _set_object_state(thing: Any, kept: Any, known: list[Any]) -> None:
    if thing is None:
        return
    if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict"):
        thing.load_state_dict(deepcopy(kept))
    else:
        vars(thing).update(deepcopy(kept, {id(p): p for p in known}))


def size_of(state: Any) -> int:
    """Bytes of all tensors and arrays in a state."""
    if isinstance(state, dict):
        return sum(size_of(value) for value in state.values())
    if isinstance(state, (list, tuple)):
        return sum(size_of(value) for value in state)
    if hasattr(state, "element_size") and hasattr(state, "numel"):
        return int(state.numel() * state.element_size())
    return int(getattr(state, "nbytes", 0))


# -- random generators -----------------------------------------------------------------------------------------------
def generators_of(loader: Any) -> list[Any]:
    """The generators that a loader and its samplers were given."""
    found: dict[int, Any] = {}
    waiting, seen = [loader], set()
    while waiting:
        thing = waiting.pop()
        if thing is None or id(thing) in seen:
            continue
        seen.add(id(thing))
        generator = getattr(thing, "generator", None)
        if hasattr(generator, "get_state") and hasattr(generator, "set_state"):
            found[id(generator)] = generator
        waiting += [getattr(thing, name, None) for name in ("sampler", "batch_sampler")]
    return list(found.values())


def draws_now(generators: Iterable[Any] = ()) -> dict[str, Any]:
    """Where every random generator stands that a step may draw from: ours, Python's, NumPy's, and PyTorch's."""
    import random

    from gradviz.core import random as own

    torch = sys.modules.get("torch")
    return {
        "gradviz": own.get_rng_state(),
        "others": {name: generator.get_state() for name, generator in own._others.items()},
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 (the old ones are what learners' steps draw from)
        "torch": torch.get_rng_state() if torch is not None and hasattr(torch, "get_rng_state") else None,
        "loader": [(generator, generator.get_state()) for generator in generators],
    }


def set_draws(draws: dict[str, Any]) -> None:
    """Let every generator go on from there."""
    import random

    from gradviz.core import random as own

    own.set_rng_state(draws["gradviz"])
    for name, state in draws["others"].items():
        own._others[name].set_state(state)
    random.setstate(draws["python"])
    np.random.set_state(draws["numpy"])  # noqa: NPY002
    if draws["torch"] is not None:
        sys.modules["torch"].set_rng_state(draws["torch"])
    for generator, state in draws["loader"]:
        generator.set_state(state)
