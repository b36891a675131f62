"""How exactly float32 numbers must be multiplied: the one table behind all of PyTorch's switches for it.

    generic --- cuda ----- matmul, conv, rnn        "ieee"   all 24 bits of a number
            \\-- mkldnn --- matmul, conv, rnn        "tf32"   its factors may be rounded to 11 bits
                                                    "bf16"   ... to 8 bits (mkldnn only)
                                                    "none"   as the level above says

`torch.backends.cuda.matmul.fp32_precision` and its like set one place. The older switches
(`set_float32_matmul_precision`, `allow_tf32`) set several and remember what they were; they refuse to answer once the
table says something that they cannot. On cuda devices matrix products and cuDNN's convolutions obey (gradviz/gpu).
NumPy multiplies exactly, so on the CPU a permission for less is kept and not made use of.
https://docs.pytorch.org/docs/2.13/notes/numerical_accuracy.html
"""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

PRECISIONS = ("none", "ieee", "tf32", "bf16")
# For `set_float32_matmul_precision`: what it puts at (cuda, matmul) and (mkldnn, matmul).
MATMUL = {"highest": ("ieee", "ieee"), "high": ("tf32", "tf32"), "medium": ("tf32", "bf16")}
UNSAID = "unsaid"  # until it is first set: "none", or "tf32" where no level says anything
SEE = "https://pytorch.org/docs/main/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices"
Place = tuple[str, str]

_table: dict[Place, str] = {
    ("generic", "all"): "none",
    **{(backend, op): "none" for backend in ("cuda", "mkldnn") for op in ("all", "matmul", "conv", "rnn")},
    ("cuda", "conv"): UNSAID,
    ("cuda", "rnn"): UNSAID,
}


class Older:
    """What the older switches were last set to."""

    matmul = "highest"
    cudnn_tf32 = True


class Allowed:
    """Whether TF32 may be used on cuda devices: looked at for every product, so kept ready."""

    matmul = False
    conv = True


# -- one place of the table --------------------------------------------------------------------------------------------
def get(backend: str, op: str) -> str:
    """The precision that holds at a place: its own, or that of a level above."""
    said = _table[backend, op]
    found = said
    for place in ((backend, "all"), ("generic", "all")):
        if found in ("none", UNSAID) and _table[place] != "none":
            found = _table[place]
    if found == UNSAID:
        found = "tf32"
    return "none" if backend == "cuda" and found == "bf16" else found


def put(backend: str, op: str, precision: Any) -> None:
    """Set a place. RuntimeError for a word that is none of these, or that the backend does not support."""
    if not isinstance(precision, str):
        raise TypeError(f"fp32_precision must be a str, but got {type(precision).__name__}")
    if precision not in PRECISIONS:
        raise RuntimeError(f"Unknown precision: {precision}")
    if backend == "cuda" and precision == "bf16":
        raise RuntimeError("backend 'cuda' does not support precision 'bf16'")
    _table[backend, op] = precision
    _settle()


def _settle() -> None:
    Allowed.matmul, Allowed.conv = get("cuda", "matmul") == "tf32", get("cuda", "conv") == "tf32"


def mixed(what: str, found: str, which: str) -> NoReturn:
    """PyTorch's error for an older switch that is asked about what only the table can say."""
    raise RuntimeError(
        f"PyTorch is checking {what},{found}mix of the legacy and new APIs to set the {which} See also: {SEE}"
    )


# -- the older switches ------------------------------------------------------------------------------------------------
def set_float32_matmul_precision(precision: str) -> None:
    """Allow less exact products of float32 matrices: "highest" (none), "high" (TF32) or "medium" (bfloat16).

    On cuda devices "high" and "medium" both mean TF32, as in PyTorch, where the GPU has it (compute capability 8.0).
    https://docs.pytorch.org/docs/2.13/generated/torch.set_float32_matmul_precision.html
    """
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}")
    if precision not in MATMUL:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has "
            "no effect.",
            stacklevel=2,
        )
        return
    Older.matmul = precision
    _table["cuda", "matmul"], _table["mkldnn", "matmul"] = MATMUL[precision]
    _settle()


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` allowed. RuntimeError if `fp32_precision` was since set to differ."""
    cuda, mkldnn = get("cuda", "matmul"), get("mkldnn", "matmul")
    too_exact = (
        cuda == "tf32" and Older.matmul == "highest",
        mkldnn == "bf16" and Older.matmul != "medium",
        mkldnn == "tf32" and Older.matmul != "high",
    )
    if any(too_exact):
        mixed(
            "the matmul precision without a specific backend name",
            "Current status indicate that you have used ",
            "matmul precision. We suggest only using the new API for matmul precision.",
        )
    return Older.matmul


def matmul_allows_tf32() -> bool:
    """`torch.backends.cuda.matmul.allow_tf32`"""
    if (Older.matmul != "highest") != Allowed.matmul:
        mixed(
            "whether allow_tf32_new is enabled for cuBlas matmul",
            "Current status indicate that you have used ",
            "TF32 status for cublas matmul. We suggest only using the new API to set the TF32 flag.",
        )
    return Allowed.matmul


def allow_matmul_tf32(allow: bool) -> None:
    """Set `torch.backends.cuda.matmul.allow_tf32`."""
    Older.matmul = "high" if allow else "highest"
    put("cuda", "matmul", "tf32" if allow else "ieee")


def cudnn_allows_tf32() -> bool:
    """`torch.backends.cudnn.allow_tf32`"""
    if not (get("cuda", "rnn") == "tf32") == Allowed.conv == Older.cudnn_tf32:
        mixed(
            "whether allow_tf32 is enabled for cuDNN without a specific operator name",
            "but the current flag(s) indicate that cuDNN conv and cuDNN RNN have different TF32 flags.This combination "
            "indicates that you have used a ",
            "TF32 flags. We suggest only using the new API to set the TF32 flag(s).",
        )
    return Older.cudnn_tf32


def allow_cudnn_tf32(allow: bool) -> None:
    """Set `torch.backends.cudnn.allow_tf32`."""
    for op in ("rnn", "conv"):
        put("cuda", op, "tf32" if allow else "none")
    Older.cudnn_tf32 = allow
