"""vmap: a function of one sample applied to a batch.

The function is called once per sample, on slices, and the results are stacked: what a loop in Python gives, with
PyTorch's rules for dimensions, containers and random numbers. Slices and stacks are recorded, so vmap goes together
with gradients in any order. Nothing is forbidden inside that a loop could do: `.item()` and `if` on a sample work too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.op import FUNCTIONS
from ..core.random import get_rng_state, set_rng_state
from ..core.tensor import Tensor
from . import tree

RANDOM = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
    "randomness flags on vmap or perform the randomness operation out of vmap"
)


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies `func` to every slice of its tensor arguments along `in_dims`.

    `randomness`: "error" refuses random operations inside, "same" gives every sample the same numbers, "different" its
    own. https://docs.pytorch.org/docs/2.13/generated/torch.func.vmap.html
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", None) or repr(func)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leaves, spec, dims = _mapped(name, in_dims, args)
        size = _size(leaves, dims)
        slices = [
            x if dim is None else _slices(x, dim, size) for x, dim in zip(leaves, dims, strict=True)
        ]  # fmt: skip
        count = size or 1  # of an empty batch one blank sample tells the shapes

        def sample(i: int) -> Any:
            picked = [x if dim is None else x[i] for x, dim in zip(slices, dims, strict=True)]
            return func(*tree.unflatten(picked, spec), **kwargs)

        results = [tree.flatten(result) for result in _calls(sample, count, randomness)]
        out_spec = results[0][1]
        columns = list(zip(*(found for found, _ in results), strict=True))
        places = _places(name, out_dims, out_spec)
        return tree.unflatten(
            [_joined(name, list(column), dim, size) for column, dim in zip(columns, places, strict=True)], out_spec
        )

    return wrapper


def _calls(sample: Callable[[int], Any], count: int, randomness: str) -> list[Any]:
    """The results for every sample, with random numbers as asked for."""
    if randomness == "different":
        return [sample(i) for i in range(count)]
    results = []
    before = get_rng_state()
    for i in range(count):
        if randomness == "same" and i:
            set_rng_state(before)
        results.append(sample(i))
        if randomness == "error" and i == 0 and not bool((get_rng_state() == before).all()):
            raise RuntimeError(RANDOM)
    return results


def _mapped(name: str, in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], tree.Spec, list[Any]]:
    """The leaves of the arguments, their shape, and the dimension mapped over for each leaf."""
    call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if isinstance(in_dims, bool) or not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree.flatten(args)
    dims = tree.spread(in_dims, spec)
    if dims is None:
        raise ValueError(f"{call}: in_dims is not compatible with the structure of `inputs`.")
    for i, (x, dim) in enumerate(zip(leaves, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but the input is of type {type(x)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.ndim <= dim < x.ndim:
            raise ValueError(
                f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {x.ndim} so "
                f"expected in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}."
            )
        dims[i] = dim % x.ndim
    return leaves, spec, dims


def _size(leaves: list[Any], dims: list[Any]) -> int:
    sizes = [x.shape[dim] for x, dim in zip(leaves, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])


def _slices(x: Any, dim: int, size: int) -> Any:
    if size:
        return x.unbind(dim)
    return [x.new_zeros(tuple(n for i, n in enumerate(x.shape) if i != dim))]


def _places(name: str, out_dims: Any, spec: tree.Spec) -> list[Any]:
    """For each leaf of the output the dimension where the samples will lie."""
    call = f"vmap({name}, ..., out_dims={out_dims})"
    if spec.kind is tree.LEAF and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    for dim in tree.flatten(out_dims)[0]:
        if dim is not None and not isinstance(dim, int):
            raise ValueError(
                f"{call}: `out_dims` must be an int, None or a python collection of ints representing where in the "
                "outputs the vmapped dimension should appear."
            )
    found = tree.spread(out_dims, spec)
    if found is None:
        raise ValueError(f"{call}(<inputs>): out_dims is not compatible with the structure of `outputs`.")
    return found


def _joined(name: str, values: list[Any], dim: int | None, size: int) -> Any:
    """The samples' results as one tensor."""
    first = values[0]
    if dim is None:
        if isinstance(first, Tensor) and not all(v is first or bool((v == first).all()) for v in values[1:]):
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        return first
    if not isinstance(first, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(first)}. Did you mean to set "
            "out_dims= to None for output?"
        )
    if not size:
        return first.detach().new_zeros((0, *first.shape)).movedim(0, dim)
    return FUNCTIONS["stack"](values, dim)
