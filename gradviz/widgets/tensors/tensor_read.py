"""Anything that holds numbers, as named arrays with what is known of their memory: the first half of `TensorInspector`.

Tensors of gradviz and of PyTorch, NumPy arrays, nested lists of numbers, mappings and lists of these, and the
parameters and buffers of a module. Nothing is recorded and nothing is changed: a tensor's memory is read as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.dtype import from_numpy
from gradviz.core.storage import extent, overlaps
from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import is_lazy

MOST = 400  # tensors in one inspector
PARTS: dict[str, Callable[[Any], Any]] = {
    "magnitude": np.abs,
    "phase": np.angle,
    "real": np.real,
    "imaginary": np.imag,
}
SHARED = 3  # names told of those that share memory
EXACT = 1 << 20  # elements up to which those of overlapping windows are counted one by one


class Face(NamedTuple):
    """One array of numbers to look at: the value or the gradient, and of complex numbers which part."""

    source: str
    part: str
    array: Any


class Reading(NamedTuple):
    """A tensor as it was when it was read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    facts: list[tuple[str, str]]
    faces: list[Face]
    origin: Any


def is_module(thing: Any) -> bool:
    """Whether it is a module, gradviz's or PyTorch's."""
    return hasattr(thing, "named_parameters") and hasattr(thing, "named_buffers") and hasattr(thing, "named_children")


def is_tensor(thing: Any) -> bool:
    """Whether it is a tensor, gradviz's or PyTorch's."""
    return isinstance(thing, Tensor) or (hasattr(thing, "requires_grad") and hasattr(thing, "untyped_storage"))


def read(thing: Any, name: str | None = None) -> tuple[list[Reading], list[str]]:
    """The tensors found in `thing`, and a line for each that has no numbers to show."""
    found = list(named(thing, name))
    if not found:
        raise ValueError(
            f"TensorInspector found no tensor in this {type(thing).__name__}: give it a tensor, an array, a module "
            "with parameters, or a dict or list of tensors."
        )
    notes = [f"{len(found) - MOST} more tensors are not shown"] if len(found) > MOST else []
    kept, memory = [], []
    for key, value in found[:MOST]:
        if _without_shape(value):
            notes.append(f"{key} has no shape yet: a lazy module gets it with its first input")
            continue
        kept.append((key, value, host(value, key)))
        memory.append(_memory(value, kept[-1][2]))
    if not kept:
        raise ValueError(f"TensorInspector found nothing with numbers in it: {notes[0]}.")
    return [_reading(*one, i, memory, [key for key, _, _ in kept]) for i, one in enumerate(kept)], notes


def named(thing: Any, name: str | None) -> Iterator[tuple[str, Any]]:
    """Names and tensors, in order."""
    if is_module(thing):
        yield from thing.named_parameters()
        yield from thing.named_buffers()
    elif isinstance(thing, Mapping):
        yield from ((str(key), value) for key, value in thing.items())
    elif isinstance(thing, (list, tuple)) and any(is_tensor(v) or isinstance(v, np.ndarray) for v in thing):
        yield from ((str(i), value) for i, value in enumerate(thing))
    elif hasattr(thing, "__next__"):  # model.parameters(), model.named_parameters()
        for i, one in enumerate(thing):
            pair = isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str)
            yield (one[0], one[1]) if pair else (str(i), one)
    else:
        yield name or ("tensor" if is_tensor(thing) else "array"), thing


def _without_shape(value: Any) -> bool:
    return is_lazy(value) or type(value).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def host(value: Any, name: str) -> Any:
    """The numbers as a NumPy array, of bool, integers, floating or complex numbers; bfloat16 and smaller as float32."""
    if isinstance(value, Tensor):
        array = np.asarray(value.device.to_numpy(value._array))
    elif is_tensor(value):
        array = _from_torch(value, name)
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name!r:.80} is not an array of numbers: its rows differ in length. {error}") from None
    if array.dtype.kind in "biufc":
        return array.astype(np.float64) if array.dtype == np.longdouble else array
    if _is_small(array.dtype):
        return array.astype(np.float32)  # every number of such a type is one of float32's
    raise TypeError(
        f"TensorInspector shows numbers; {name!r:.80} is {type(value).__name__} of {array.dtype}. "
        "Convert it first, for example with np.asarray(x, dtype=float)."
    )


def _is_small(dtype: Any) -> bool:
    try:
        return from_numpy(dtype).is_floating_point
    except (KeyError, TypeError, ValueError):
        return "float" in dtype.name and dtype.itemsize <= 2


def _from_torch(value: Any, name: str) -> Any:
    if value.device.type == "meta":
        raise ValueError(f"{name!r:.80} is on the meta device: it has a shape and no numbers.")
    if str(value.layout) not in ("torch.strided", "torch._mkldnn"):
        raise ValueError(f"{name!r:.80} has the layout {value.layout}: give TensorInspector its .to_dense().")
    plain = value.detach()
    plain = plain.dequantize() if plain.is_quantized else plain.resolve_conj().resolve_neg().cpu()
    kind = str(plain.dtype)
    return (plain.float() if kind == "torch.bfloat16" or "float8" in kind else plain).numpy()


class _Memory(NamedTuple):
    """Where the numbers lie: what holds them, from which element on, of how many, in which steps.

    `held` counts the elements of memory that are read: fewer than the tensor's where one is read several times.
    """

    at: Any
    offset: int
    total: int
    strides: tuple[int, ...]
    contiguous: bool
    view: bool
    held: int


def _memory(value: Any, array: Any) -> _Memory:
    if is_tensor(value):
        storage = value.untyped_storage()
        size = value.element_size()
        where = (str(value.device), int(storage.data_ptr()))
        strides, whole = tuple(value.stride()), int(storage.nbytes()) // size
        start, plain, view = int(value.storage_offset()), bool(value.is_contiguous()), bool(value._is_view())
        return _Memory(where, start, whole, strides, plain, view, _held(array.shape, strides))
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    start = owner.__array_interface__["data"][0]
    offset = (array.__array_interface__["data"][0] - start) // array.itemsize
    steps = tuple(step // array.itemsize for step in array.strides)
    plain = bool(array.flags.c_contiguous)
    where = ("cpu", start)
    return _Memory(where, int(offset), int(owner.size), steps, plain, owner is not array, _held(array.shape, steps))


def _held(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """How many elements of memory are read: an expanded dimension reads the same ones again, and windows overlap."""
    moving = [(n, abs(step)) for n, step in zip(shape, strides, strict=True) if n != 1 and (step or not n)]
    sizes, steps = tuple(n for n, _ in moving), tuple(step for _, step in moving)
    count = math.prod(sizes)
    if count > EXACT or not overlaps(sizes, steps):
        return min(count, extent(sizes, steps)) if moving else 1
    at = np.zeros((), np.int64)
    for n, step in moving:
        at = np.unique(at[..., None] + np.arange(n) * step)
    return int(at.size)


def _reading(name: str, value: Any, array: Any, i: int, memory: list[_Memory], names: list[str]) -> Reading:
    dtype = str(value.dtype).removeprefix("torch.") if is_tensor(value) else array.dtype.name
    own = memory[i]
    others = [names[k] for k, other in enumerate(memory) if k != i and other.at == own.at and own.total]
    facts = [
        ("shape", f"({', '.join(map(str, array.shape))}{',' if array.ndim == 1 else ''})"),
        ("elements", f"{array.size:,}"),
        ("dtype", dtype),
        ("device", str(value.device) if is_tensor(value) else "cpu"),
        ("memory", _bytes(array, value.element_size() if is_tensor(value) else array.itemsize, own)),
        ("strides", f"({', '.join(map(str, own.strides))}{',' if array.ndim == 1 else ''})"),
        ("contiguous", _contiguous(value, array, own)),
        ("storage", _storage(array, own, bool(others))),
    ]
    if others:
        told = ", ".join(others[:SHARED]) + (f" and {len(others) - SHARED} more" if len(others) > SHARED else "")
        facts.append(("shares memory with", told))
    faces = _parts("value", array)
    if is_tensor(value):
        facts += _autograd(value)
        grad = grad_of(value)
        if grad is not None:
            faces += _parts("gradient", host(grad, f"{name}.grad"))
    return Reading(name, tuple(array.shape), dtype, facts, faces, value)


def _contiguous(value: Any, array: Any, own: _Memory) -> str:
    if own.contiguous:
        return "yes"
    step, plain = 1, True  # the same elements in another order of the dimensions?
    for size, stride in sorted(zip(array.shape, own.strides, strict=True), key=lambda pair: (pair[1], pair[0])):
        plain &= size == 1 or stride == step
        step *= size
    return "no: the dimensions lie in another order" if plain else "no: a view with gaps or repeats"


def _bytes(array: Any, size: int, own: _Memory) -> str:
    told = size_text(own.held * size)
    return told if own.held >= array.size else f"{told}; with every repeat written out {size_text(array.size * size)}"


def _storage(array: Any, own: _Memory, shared: bool) -> str:
    again = f", read as {array.size:,}" if own.held < array.size else ""
    if own.held < own.total:
        part = f"{own.held:,} of {own.total:,} elements{again}, from element {own.offset:,}"
        return f"a view: {part}" if own.view else part
    if own.view:
        return f"a view of {'one element' if own.total == 1 else f'all {own.total:,} elements'}{again}"
    return "all of it" if shared else "its own"


def _autograd(value: Any) -> list[tuple[str, str]]:
    made = value.grad_fn
    if made is not None:
        name = made.name() if callable(getattr(made, "name", None)) else type(made).__name__
        return [("requires_grad", "yes"), ("made by", str(name))]
    needs = bool(value.requires_grad)
    return [("requires_grad", "yes" if needs else "no"), *([("leaf", "yes")] if needs else [])]


def grad_of(value: Any) -> Any:
    """`.grad` where there can be one: asking another tensor for it warns."""
    known = is_tensor(value) and value.requires_grad and (value.is_leaf or value.retains_grad)
    return value.grad if known else None


def _parts(source: str, array: Any) -> list[Face]:
    if array.dtype.kind != "c":
        return [Face(source, "", array)]
    return [Face(source, name, part_of(array, name)) for name in PARTS]


def part_of(array: Any, name: str) -> Any:
    """A part of complex numbers by name; of other numbers, which have no parts, the array itself."""
    return PARTS[name](array) if name else array


def size_text(count: int) -> str:
    """Bytes as people read them: 812 B, 12.3 kB, 240 MB; thousands are 1,000."""
    if count < 1000:
        return f"{count} B"
    power = min(4, int(math.log10(count) // 3))
    return f"{count / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
