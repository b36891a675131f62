"""A model's weights: put elsewhere for a while and back exactly, kept along a training, and turned into directions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from gradviz.optim.step_hooks import register_optimizer_step_post_hook

Array = Any
Weights = dict[str, Array]  # by the name of the parameter (or buffer)
BLOCK = 1 << 16  # elements that are worked on at a time in double precision
NORMALIZE = ("filter", "layer", "none")


def movable(model: Any) -> dict[str, Any]:
    """The parameters that a direction moves: those that are trained, or all where none is."""
    found = {name: p for name, p in model.named_parameters() if p.is_floating_point()}
    trained = {name: p for name, p in found.items() if p.requires_grad}
    if not found:
        raise ValueError("This model has no parameters of real numbers: there is no landscape of its weights.")
    return trained or found


def arrays_of(tensors: dict[str, Any]) -> Weights:
    """Copies of the values, on the CPU."""
    return {name: np.array(t.device.to_numpy(t._array)) for name, t in tensors.items()}


@contextlib.contextmanager
def elsewhere(model: Any) -> Iterator[None]:
    """Inside, weights and buffers may be set and written, gradients made, modes changed; afterwards all is as it was.

    The model's own arrays are set aside and come back, the very same ones: nothing is written into them, so graphs that
    were recorded before are not disturbed either.
    """
    modules = list(model.modules())
    homes = [(m._parameters, dict(m._parameters), m._buffers, dict(m._buffers), m.training) for m in modules]
    tensors = {id(t): t for _, params, _, buffers, _ in homes for t in (*params.values(), *buffers.values())}
    kept = [(t, t._array, t.device, t._grad, t._cell) for t in tensors.values() if t is not None]
    try:
        for t, array, *_ in kept:
            t._array, t._grad, t._cell = array.copy(), None, None
        yield
    finally:
        stopped = False
        while True:  # a second press of the stop button must not leave the model half-way
            try:
                for t, array, device, grad, cell in kept:
                    t._array, t.device, t._grad, t._cell = array, device, grad, cell
                for m, (params, were, buffers, had, training) in zip(modules, homes, strict=True):
                    params.clear()
                    params.update(were)
                    buffers.clear()
                    buffers.update(had)
                    m.__dict__["training"] = training
                break
            except KeyboardInterrupt:
                stopped = True
        if stopped:
            raise KeyboardInterrupt


def put(tensors: dict[str, Any], weights: Weights) -> None:
    """Let the tensors hold other values; only inside `elsewhere`."""
    from gradviz import from_numpy

    for name, array in weights.items():
        t = tensors[name]
        t.data = from_numpy(np.ascontiguousarray(array)).to(t.device)


# -- directions --------------------------------------------------------------------------------------------------------
def random_direction(weights: Weights, normalize: str, generator: Any) -> Weights:
    """A Gaussian direction, scaled like the weights (Li et al., 2018, section 4).

    "filter": every filter (all that leads to one output: a row of a matrix, a kernel of a convolution) gets the length
    of the filter that is there; "layer": every parameter as a whole; "none": as drawn. With the first two, parameters
    of one dimension, biases and the scales of batch norms, stay as they are.
    """
    from gradviz import randn

    found = {}
    for name, w in weights.items():
        d = randn(w.shape, generator=generator).numpy().astype(w.dtype)
        if normalize != "none":
            d = d * scales(w, d, normalize) if w.ndim > 1 else np.zeros_like(w)
        found[name] = d.astype(w.dtype)
    return found


def scales(w: Array, d: Array, normalize: str) -> Array:
    """What `d` is multiplied by to have the lengths of `w`."""
    axes = tuple(range(1, w.ndim)) if normalize == "filter" else tuple(range(w.ndim))
    lengths = [np.sqrt(np.sum(np.square(a, dtype=np.float64), axis=axes, keepdims=True)) for a in (w, d)]
    return lengths[0] / (lengths[1] + 1e-10)


def dot(a: Weights, b: Weights) -> float:
    """The scalar product, in double precision."""
    return float(sum(np.vdot(a[name].astype(np.float64), b[name].astype(np.float64)) for name in a))


def moved(origin: Weights, steps: Sequence[tuple[float, Weights]]) -> Weights:
    """`origin + Σ step · direction`, in the precision of the weights."""
    found = {}
    for name, w in origin.items():
        way = sum((w.dtype.type(step) * direction[name] for step, direction in steps), np.zeros_like(w))
        found[name] = w + way
    return found


def principal(rows: Sequence[Weights], origin: Weights) -> tuple[list[Weights], list[float], list[list[float]]]:
    """The two directions in which a path of weights varies most; their shares of the variance; the path along them.

    Principal component analysis by the small matrix of scalar products between the snapshots: no memory to speak of
    beside the snapshots themselves. Each direction has length 1. Places are measured from `origin`.
    """
    count = len(rows)
    gram = np.zeros((count, count))
    for name, w in origin.items():
        flat, columns = w.ravel(), [row[name].ravel() for row in rows]
        for at in range(0, flat.size, BLOCK):
            part = slice(at, at + BLOCK)
            block = np.stack([column[part] - flat[part] for column in columns]).astype(np.float64)
            gram += block @ block.T
    middle = gram - gram.mean(0, keepdims=True) - gram.mean(1, keepdims=True) + gram.mean()
    values, vectors = np.linalg.eigh(middle)
    order = np.argsort(values)[::-1][:2]
    total = float(np.clip(values, 0, None).sum())
    directions, shares, places = [], [], []
    for k in order:
        value, v = float(values[k]), vectors[:, k]
        if total == 0 or value <= total * 1e-12:
            break
        v = v - v.mean()
        along = gram @ v / np.sqrt(value)  # the path on this direction, before its sign is chosen
        sign = -1.0 if along[0] > 0 else 1.0  # a training goes from left to right
        directions.append(_combined(rows, origin, sign * v / np.sqrt(value)))
        shares.append(value / total)
        places.append([float(sign * x) + 0.0 for x in along])  # no -0
    return directions, shares, [list(point) for point in zip(*places, strict=True)]


def _combined(rows: Sequence[Weights], origin: Weights, parts: Array) -> Weights:
    found = {}
    for name, w in origin.items():
        way = np.zeros(w.shape)
        for part, row in zip(parts, rows, strict=True):
            way += float(part) * (row[name] - w).astype(np.float64)
        found[name] = way.astype(w.dtype)
    return found


# -- the path of a training --------------------------------------------------------------------------------------------
class WeightPath:
    """Keeps a model's weights along a training, in bounded memory.

        with LandscapeView.record_path(model) as path:
            train(model)
        LandscapeView(model, loss_fn, data, path=path)

    In the `with` block the weights are kept after every `every`-th step of an optimiser that holds parameters of the
    model; without one, call `path.add()`. When there are more than `most` snapshots, or more than `megabytes`, every
    second one is dropped and the stride doubled; the first and the last always stay.
    """

    def __init__(self, model: Any, every: int = 1, most: int = 200, megabytes: float = 256) -> None:
        self.params = movable(model)
        if every < 1 or most < 3:
            raise ValueError(f"A path needs every >= 1 and most >= 3; got every={every} and most={most}.")
        size = sum(p.numel() * p.element_size() for p in self.params.values())
        self.every = every
        self.most = max(3, min(most, int(megabytes * 2**20 // max(size, 1))))
        self.steps: list[int] = []
        self.rows: list[Weights] = []
        self.count = 0
        self._handle: Any = None

    def __enter__(self) -> Self:
        if not self.rows:
            self._keep()
        self._handle = register_optimizer_step_post_hook(self._after_step)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()
        if self.steps[-1] != self.count:
            self._keep()

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"WeightPath({len(self)} snapshots of {self.count} steps)"

    def add(self, step: int | None = None) -> None:
        """Keep the weights as they are now; `step` is counted up where it is not given."""
        self.count = self.count + (1 if self.rows else 0) if step is None else int(step)
        if self.rows and self.count <= self.steps[-1]:
            raise ValueError(f"Steps must grow along a path: {self.count} comes after {self.steps[-1]}.")
        self._keep()

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        mine = {id(p) for p in self.params.values()}
        if any(id(p) in mine for group in optimizer.param_groups for p in group["params"]):
            self.count += 1
            if self.count % self.every == 0:
                self._keep()

    def _keep(self) -> None:
        self.steps.append(self.count)
        self.rows.append(arrays_of(self.params))
        if len(self.rows) > self.most:
            self.every *= 2
            kept = [i for i in range(len(self.rows)) if i % 2 == 0 or i == len(self.rows) - 1]
            self.steps, self.rows = [self.steps[i] for i in kept], [self.rows[i] for i in kept]
