"""What programs ask tensors about other machines and layouts, and small functions that stand alone."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.dtype import dtype
from gradviz.core.errors import noted
from gradviz.core.inplace import check_write, overwrote
from gradviz.core.op import FUNCTIONS, METHODS, function, method
from gradviz.core.ops.factory import leaf, only_defaults, read_dtype, read_tensor, wrap
from gradviz.core.tensor import Tensor

# -- what a tensor is not: attributes that are False, and methods that return False ------------------------------------
NOT = [
    "is_meta", "is_mps", "is_sparse", "is_sparse_csr", "is_quantized", "is_nested", "is_mkldnn", "is_xpu", "is_vulkan",
    "is_ipu", "is_xla", "is_maia", "is_mtia",
]  # fmt: skip
NEVER = {
    "is_pinned": "memory is never pinned",
    "is_shared": "memory is never shared with other processes",
    "is_distributed": "a tensor is never spread over machines",
}

for _name in NOT:
    setattr(Tensor, _name, property(lambda self: False, doc="False: there is no such tensor here."))


def _never(name: str, why: str) -> None:
    def answer(self: Tensor, device: Any = None) -> bool:
        return False

    answer.__name__, answer.__doc__ = name, f"False: {why}."
    METHODS[name] = answer


for _name, _why in NEVER.items():
    _never(_name, _why)


@function(method=False)
def get_device(input: Tensor) -> int:
    """The number of its device; -1 on the CPU."""
    return input.get_device()


@method
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself: all tensors here are dense."""
    return self if dtype is None else self.to(dtype)


@method
def sparse_dim(self: Tensor) -> int:
    """The number of sparse dimensions: none."""
    return 0


@method
def dense_dim(self: Tensor) -> int:
    """The number of dense dimensions: all."""
    return self.ndim


def _grad_dtype(self: Tensor) -> dtype:
    if self._edge is not None:
        raise noted(RuntimeError("grad_dtype can only be accessed on leaf tensors.\nThis one was computed."))
    return self.dtype


Tensor.grad_dtype = property(_grad_dtype, doc="The type its gradient has: its own.")  # type: ignore[attr-defined]


# -- a Python function at every element --------------------------------------------------------------------------------
def _apply(name: str, self: Tensor, others: tuple[Any, ...], call: Callable[..., Any]) -> Tensor:
    if self._needs:
        raise noted(
            RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.\n"
                "A Python function has no gradient."
            )
        )
    if not callable(call):
        raise TypeError(f"'{type(call).__name__}' object is not callable")
    check_write(self, name)
    tensors = [read_tensor(name, "other", i, other) for i, other in enumerate(others, 1)]
    lists = [FUNCTIONS["broadcast_to"](x, self.shape).flatten().tolist() for x in (self, *tensors)]
    found = np.array([call(*values) for values in zip(*lists, strict=True)], dtype=self.dtype.numpy)
    self._array[...] = self.device.wrap(found.reshape(self._array.shape))
    made: Tensor = overwrote(self, name)
    return made


@method
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Write `callable(x)` in the place of every element; slow, for the CPU and outside any graph."""
    return _apply("apply_", self, (), callable)


@method
def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Write `callable(x, y)` in the place of every element x, where y is that of the other tensor."""
    return _apply("map_", self, (other,), callable)


@method
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """`map_` with two other tensors."""
    return _apply("map2_", self, (x, y), callable)


# -- other names for what there is ---------------------------------------------------------------------------------
@method
def dequantize(self: Tensor) -> Tensor:
    """The tensor as float32: there are no quantized tensors here."""
    return self.float()  # type: ignore[no-any-return]


@method
def const_data_ptr(self: Tensor) -> int:
    """The address of the first element."""
    return self.data_ptr()


@function(method=False)
def from_file(
    filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A 1-d tensor over the bytes of a file; `shared=True` writes changes back to it."""
    only_defaults("from_file", layout=layout, pin_memory=pin_memory)
    kind = read_dtype("from_file", dtype)
    array = np.memmap(filename, kind.numpy, "r+" if shared else "c", shape=(size or 0,))
    made = leaf(np.asarray(array), CPU, requires_grad)
    return made if device is None else made.to(device)


@function(method=False)
def range(
    start: Any, end: Any, step: Any = 1, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers from `start` to `end`, both included: the old form of `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = read_dtype("range", dtype)
    steps = np.arange(math.floor((end - start) / step) + 1)
    return wrap((start + steps * step).astype(kind.numpy), device, requires_grad)


# -- arithmetic on sizes, in the words of traced programs --------------------------------------------------------------
def _symbolic(name: str, call: Callable[..., Any], doc: str) -> None:
    def found(*args: Any) -> Any:
        return call(*args)

    found.__name__, found.__doc__ = name, f"{doc}: as Python computes it, since nothing is traced."
    FUNCTIONS[name] = found


_symbolic("sym_float", float, "A number as a float")
_symbolic("sym_int", int, "A number cut to an integer")
_symbolic("sym_max", lambda a, b: type(a + b)(max(a, b)), "The larger number")
_symbolic("sym_min", lambda a, b: type(a + b)(min(a, b)), "The smaller number")
_symbolic("sym_not", operator.not_, "The opposite")
_symbolic("sym_ite", lambda b, t, f: t if b else f, "One of two values")
_symbolic("sym_sum", sum, "The sum of a list of numbers")
_symbolic("sym_sqrt", lambda a: a**0.5, "The square root")

# -- what there is not -------------------------------------------------------------------------------------------------
REMOVED = {
    "eig": "torch.linalg.eig", "solve": "torch.linalg.solve (its arguments are the other way round)",
    "symeig": "torch.linalg.eigh", "lstsq": "torch.linalg.lstsq", "matrix_rank": "torch.linalg.matrix_rank",
}  # fmt: skip
# Questions to sparse tensors, which others refuse to answer.
LAYOUTS = dict.fromkeys(("coalesce", "is_coalesced", "indices"), "sparse coordinate tensor") | {
    "values": "sparse tensor", "crow_indices": "sparse row compressed tensor",
    "col_indices": "sparse row compressed tensor", "ccol_indices": "sparse column compressed tensor",
    "row_indices": "sparse column compressed tensor",
}  # fmt: skip
SPARSE = [
    "to_sparse", "to_sparse_coo", "to_sparse_csr", "to_sparse_csc", "to_sparse_bsr", "to_sparse_bsc", "sparse_mask",
    "sparse_resize_", "sparse_resize_and_clear_", "sspaddmm", "smm", "resize_as_sparse_",
]  # fmt: skip
SPARSE_FUNCTIONS = [
    "sparse_coo_tensor", "sparse_csr_tensor", "sparse_csc_tensor", "sparse_bsr_tensor", "sparse_bsc_tensor",
    "sparse_compressed_tensor", "smm", "sspaddmm", "spmm", "hspmm",
]  # fmt: skip
QUANTIZED = ["int_repr", "q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points", "qscheme"]
QUANTIZED_FUNCTIONS = ["int_repr", "quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic"]
OTHER = {
    "pin_memory": "memory that a GPU can read by itself; leave it out",
    "share_memory_": "memory shared with other processes; use threads",
    "to_mkldnn": "memory laid out for oneDNN; leave it out",
    "xpu": "Intel's GPUs",
    "ipu": "Graphcore's processors",
    "mtia": "Meta's processors",
    "to_padded_tensor": "nested tensors",
    "record_stream": "CUDA streams",
}


def _absent(table: dict[str, Any], name: str, error: type[Exception], text: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise error(text)

    refuse.__name__, refuse.__doc__ = name, f"Not supported. {text}"
    table.setdefault(name, refuse)


for _name, _instead in REMOVED.items():
    for _table in (FUNCTIONS, METHODS):
        _absent(
            _table, _name, RuntimeError,
            f"This function was deprecated since version 1.9 and is now removed. Use {_instead}.",
        )  # fmt: skip
for _name, _kind in LAYOUTS.items():
    _absent(METHODS, _name, RuntimeError, f"{_name} expected {_kind} layout but got Strided")
for _prefix, _table, _names, _what in (
    ("Tensor.", METHODS, SPARSE, "sparse layouts"), ("torch.", FUNCTIONS, SPARSE_FUNCTIONS, "sparse layouts"),
    ("Tensor.", METHODS, QUANTIZED, "quantized tensors"),
    ("torch.", FUNCTIONS, QUANTIZED_FUNCTIONS, "quantized tensors"),
):  # fmt: skip
    for _name in _names:
        _absent(_table, _name, NotImplementedError, f"{_prefix}{_name}() is not supported: gradviz has no {_what}.")
for _name, _what in OTHER.items():
    _absent(METHODS, _name, NotImplementedError, f"Tensor.{_name}() is not supported: {_what}.")
