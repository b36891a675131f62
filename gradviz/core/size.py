"""The shape of a tensor, printed as PyTorch prints it."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple):  # type: ignore[type-arg]
    """A tuple of sizes: `torch.Size([2, 3])`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __str__(self) -> str:
        return self.__repr__()

    def numel(self) -> int:
        """The number of elements in a tensor of this size."""
        return math.prod(self)

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)
