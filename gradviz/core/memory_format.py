"""How elements are laid out in memory: `torch.contiguous_format`, `torch.channels_last` and their like.

A tensor in channels_last has the usual shape (N, C, H, W), but its channels lie next to one another in memory.
"""

from __future__ import annotations

from typing import Any, ClassVar


class memory_format:
    """An order of elements in memory, such as `torch.channels_last`."""

    contiguous_format: ClassVar[memory_format]
    preserve_format: ClassVar[memory_format]
    channels_last: ClassVar[memory_format]
    channels_last_3d: ClassVar[memory_format]

    def __init__(self, name: str, order: tuple[int, ...] = ()) -> None:
        self.name = name
        # Dimensions from the slowest to the fastest, where the format fixes them.
        self.order = order

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return getattr, (memory_format, self.name)


class Layout:
    """How a tensor keeps its elements: `torch.strided`, one block of memory with strides."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


FORMATS = {
    name: memory_format(name, order)
    for name, order in (
        ("contiguous_format", ()),
        ("preserve_format", ()),
        ("channels_last", (0, 2, 3, 1)),
        ("channels_last_3d", (0, 2, 3, 4, 1)),
    )
}
for _name, _format in FORMATS.items():
    setattr(memory_format, _name, _format)
strided = Layout("strided")
CONTIGUOUS = memory_format.contiguous_format


def of_format(given: Any, x: Any) -> memory_format:
    """The format asked for, if a tensor like `x` can have it."""
    if not isinstance(given, memory_format):
        raise TypeError(f"clone(): argument 'memory_format' must be torch.memory_format, not {type(given).__name__}")
    if given.order and x.ndim != len(given.order):
        raise RuntimeError(f"required rank {len(given.order)} tensor to use {given.name} format")
    return given


def order_of(array: Any) -> str:
    """The order in memory of an array's copy: its own, unless it shows elements repeatedly."""
    return "C" if 0 in array.strides else "K"


def settled(array: Any) -> Any:
    """A new array as PyTorch lays it out: in order, or in a channels_last format that its inputs agreed on."""
    if array.flags.c_contiguous:
        return array
    if any(is_laid_out(array, given) for given in (memory_format.channels_last, memory_format.channels_last_3d)):
        return array
    return array.copy()


def arranged(xp: Any, array: Any, given: memory_format | None) -> Any:
    """A copy of an array laid out as asked; None keeps the order of its dimensions in memory."""
    if given is None or given is memory_format.preserve_format:
        return array.copy(order=order_of(array))
    if not given.order:
        return array.copy(order="C")
    return blank(xp, array, array.dtype, given, fill=array)


def blank(xp: Any, array: Any, dtype: Any, given: memory_format, fill: Any = None) -> Any:
    """An array of the shape of `array` laid out in the order of a format, with its memory set to `fill` if given."""
    order = given.order
    made = xp.empty(tuple(array.shape[i] for i in order), dtype=dtype)
    made = xp.transpose(made, sorted(range(len(order)), key=order.__getitem__))
    if fill is not None:
        made[...] = fill
    return made


def is_laid_out(array: Any, given: memory_format) -> bool:
    """Whether the elements of an array lie in memory in the order of a format, without gaps."""
    if not given.order:
        return bool(array.flags.c_contiguous)
    if array.ndim != len(given.order):
        return False
    step = array.dtype.itemsize
    for dim in reversed(given.order):
        n = array.shape[dim]
        if n != 1:
            if array.strides[dim] != step:
                return False
            step *= n
    return True


LAST = {4: memory_format.channels_last, 5: memory_format.channels_last_3d}


def suggested(array: Any) -> memory_format | None:
    """The channels_last format that an array's strides suggest; None for any other order, and where both fit.

    Source: is_channels_last_strides_2d_s4 and its twin in c10/core/MemoryFormat.h.
    """
    given = LAST.get(array.ndim)
    if given is None or array.flags.c_contiguous or array.strides[1] == 0:
        return None
    least = 0
    for dim in reversed(given.order):
        n, step = array.shape[dim], array.strides[dim]
        if n == 0 or step < least or (dim == 0 and least == array.strides[1]):
            return None
        least = step * n
    return given


def as_suggested(xp: Any, made: Any, *inputs: Any) -> Any:
    """A new array in the channels_last format that an input suggests, or as it is."""
    for array in inputs:
        if not array.flags.c_contiguous and (given := suggested(array)) is not None:
            return made if is_laid_out(made, given) and suggested(made) else arranged(xp, made, given)
    return made
