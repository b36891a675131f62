"""What there is not: functions that PyTorch removed, and those of layouts and machines that gradviz does not have.

Each raises its error when it is called, so that programs that only look for it go on.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..op import FUNCTIONS, METHODS

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
    "share_memory_": "memory shared with other processes; use threads",
    "to_mkldnn": "memory laid out for oneDNN; leave it out",
    "xpu": "Intel's GPUs",
    "ipu": "Graphcore's processors",
    "mtia": "Meta's processors",
    "to_padded_tensor": "nested tensors",
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
