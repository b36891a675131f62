"""What the headers of cuDNN declare of what gradviz calls: written to cudnn.json for the tests.

python -m tests.gpu.cudnn_headers      # where nvidia-cudnn-cu13 is installed; no GPU is needed
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from gradviz.gpu.cudnn_library import SIGNATURES

FILE = Path(__file__).with_name("cudnn.json")
HEADERS = "cudnn_graph.h", "cudnn_ops.h", "cudnn_cnn.h"
CONSTANTS = [
    "CUDNN_DATA_FLOAT", "CUDNN_DATA_DOUBLE", "CUDNN_DATA_HALF", "CUDNN_DATA_BFLOAT16", "CUDNN_TENSOR_NCHW",
    "CUDNN_TENSOR_NHWC", "CUDNN_CROSS_CORRELATION", "CUDNN_DEFAULT_MATH", "CUDNN_TENSOR_OP_MATH", "CUDNN_FMA_MATH",
    "CUDNN_BATCHNORM_SPATIAL", "CUDNN_BATCHNORM_SPATIAL_PERSISTENT", "CUDNN_BATCHNORM_OPS_BN", "CUDNN_STATUS_SUCCESS",
    "CUDNN_BN_MIN_EPSILON",
]  # fmt: skip
STRUCTS = [f"cudnnConvolution{way}AlgoPerfStruct" for way in ("Fwd", "BwdData", "BwdFilter")]


def files(name: str) -> list[Path]:
    """The files of this name in an installed wheel of cuDNN."""
    for package in ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12"):
        try:
            return [Path(str(f.locate())) for f in importlib.metadata.files(package) or [] if f.name == name]
        except importlib.metadata.PackageNotFoundError:
            continue
    return []


def declared() -> dict[str, Any] | None:
    """The parameters of each function, the values of constants and the fields of structures; None without a wheel."""
    paths = [path for name in HEADERS for path in files(name)]
    if not paths:
        return None
    text = re.sub(r"/\*.*?\*/", "", "\n".join(path.read_text() for path in paths), flags=re.DOTALL)
    return {
        "functions": {name: _parameters(text, name) for name in SIGNATURES},
        "constants": {name: float(_found(rf"\b{name}\s*=?\s*([\d.]+)", text)) for name in CONSTANTS},
        "structs": {name: _fields(_found(rf"struct {name}\s*\{{(.*?)\}}", text)) for name in STRUCTS},
    }


def known() -> dict[str, Any]:
    """The same, as it was written down."""
    return json.loads(FILE.read_text())  # type: ignore[no-any-return]


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.DOTALL)
    assert match is not None, pattern
    return match.group(1)


def _parameters(text: str, name: str) -> list[str]:
    inside = _found(rf"CUDNNWINAPI\s+{name}\s*\(([^;]*?)\)\s*;", text)
    return [" ".join(p.replace("*", " * ").split()) for p in inside.split(",")]


def _fields(text: str) -> list[str]:
    return [" ".join(field.split()) for field in text.split(";") if field.strip()]


if __name__ == "__main__":
    FILE.write_text(json.dumps(declared(), indent=1) + "\n")
