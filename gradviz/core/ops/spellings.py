"""Second names of arguments: PyTorch has some functions in several forms, each with names of its own for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..op import FUNCTIONS, METHODS, SPACES

_PIECES = {"indices": "indices_or_sections", "sections": "indices_or_sections"}
_SIZES = {"split_size": "split_size_or_sections"}
# Function: what an argument may be called, and what it is called where the function is.
SPELLINGS: dict[str, dict[str, str]] = {
    "hsplit": _PIECES,
    "vsplit": _PIECES,
    "dsplit": _PIECES,
    "tensor_split": _PIECES | {"tensor_indices_or_sections": "indices_or_sections"},
    "split": _SIZES,
    "swapaxes": {"axis0": "dim0", "axis1": "dim1"},
    "result_type": {
        "tensor": "tensor1", "other": "tensor2", "scalar": "tensor1", "scalar1": "tensor1", "scalar2": "tensor2",
    },
    "isin": {"element": "elements", "test_element": "test_elements"},
}  # fmt: skip
LINALG = {"vector_norm": {"x": "input"}}


def _spelled(call: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    @functools.wraps(call)
    def found(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {names.get(name, name): value for name, value in kwargs.items()}
        return call(*args, **kwargs)

    return found


def _attach(table: dict[str, Any], spellings: dict[str, dict[str, str]]) -> None:
    for name, names in spellings.items():
        if name in table:
            table[name] = _spelled(table[name], names)


for _table in (FUNCTIONS, METHODS):
    _attach(_table, SPELLINGS)
_attach(SPACES.get("linalg", {}), LINALG)
