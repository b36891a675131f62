"""CUDA devices, which CuPy reaches (torch.backends.cuda)."""

from __future__ import annotations

from typing import Any

from ..core import precision
from ..gpu import switches
from .switched import truth

REDUCTIONS = {f"allow_{kind}_reduced_precision_reduction": kind for kind in ("fp16", "bf16")}


class _MatrixProducts:
    """How exactly cuBLAS multiplies matrices.

    allow_tf32, fp32_precision: whether factors of a float32 product may be rounded to 11 bits (TF32).
    allow_fp16_reduced_precision_reduction, and bf16: whether parts of a sum may be rounded to 16 bits; a pair
        (this, whether a sum may be split) as in PyTorch, but not to split cannot be promised here.
    allow_fp16_accumulation: a permission that is kept and not made use of; sums are kept in 32 bits.
    https://docs.pytorch.org/docs/2.13/backends.html#torch.backends.cuda.matmul
    """

    def __init__(self) -> None:
        self.__dict__.update(accumulation=False)

    def __getattr__(self, name: str) -> Any:
        if name == "allow_tf32":
            return precision.matmul_allows_tf32()
        if name == "fp32_precision":
            return precision.get("cuda", "matmul")
        if name == "allow_fp16_accumulation":
            return self.accumulation
        if name in REDUCTIONS:
            return switches.reduced[REDUCTIONS[name]]
        if name.removesuffix("_split_k") in REDUCTIONS:
            return True
        raise AttributeError("Unknown attribute " + name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "allow_tf32":
            precision.allow_matmul_tf32(truth("set_allow_tf32_cublas", value))
        elif name == "fp32_precision":
            precision.put("cuda", "matmul", value)
        elif name == "allow_fp16_accumulation":
            self.__dict__["accumulation"] = truth("set_allow_fp16_accumulation_cublas", value)
        elif name in REDUCTIONS:
            switches.reduced[REDUCTIONS[name]] = _reduction(name, value)
        else:
            raise AttributeError("Unknown attribute " + name)


def _reduction(name: str, value: Any) -> bool:
    """Whether sums of parts may be rounded to 16 bits, from a bool or a pair of them."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} expects a bool or a tuple/list of bools, but got {type(value)!r}")
    if not value:
        raise TypeError(f"{name} expects at least one boolean argument")
    if len(value) > 2:
        raise TypeError(f"{name} expects at most two boolean arguments")
    for one, which in zip(value, ("allow_reduced_precision", "allow_splitk"), strict=False):
        if not isinstance(one, bool):
            raise TypeError(f"{name} expects a bool for {which}, but got {type(one)!r}")
    if not value[-1] and len(value) == 2:
        if value[0]:
            raise RuntimeError("allow_splitk=False is not supported when reduced precision reductions are enabled")
        raise NotImplementedError(f"{name}: allow_splitk=False is not supported: CuPy has no way to tell cuBLAS")
    return bool(value[0])


matmul = _MatrixProducts()


def is_built() -> bool:
    """Whether CUDA devices can be reached at all: CuPy is installed."""
    import importlib.util

    return importlib.util.find_spec("cupy") is not None
