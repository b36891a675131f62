"""The names of CuPy and the parameters of its functions, as its wheel has them: written to cupy.json for the tests.

    python -m tests.gpu.cupy_names      # where CuPy is installed; no GPU is needed

A function is the list of its parameters, with "*" and "**" where it takes any number; everything else is a word for its
kind: "ufunc", "class", "module", "value", or "function" where CuPy tells no parameters. "loops" are the types that
ufuncs and their like compute in, in NumPy's letters, with E for bfloat16 (tests/cupy_types.py).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("cupy.json")
MODULES = [
    "cupy",
    "cupy.linalg",
    "cupy.fft",
    "cupy.lib",
    "cupy.lib.stride_tricks",
    "cupy.cuda",
    "cupy.cuda.runtime",
    "cupy.cuda.memory",
    "cupyx",
    "cupyx.scipy.special",
    "cupyx.scipy.fft",
]
CLASSES = [
    "cupy.ndarray",
    "cupy.RawModule",
    "cupy.RawKernel",
    "cupy.ElementwiseKernel",
    "cupy.ReductionKernel",
    "cupy.cuda.Device",
    "cupy.cuda.Stream",
    "cupy.cuda.ExternalStream",
    "cupy.cuda.Event",
    "cupy.cuda.Graph",
    "cupy.cuda.MemoryPool",
    "cupy.cuda.PinnedMemoryPool",
    "cupy.cuda.MemoryHook",
    "cupy.cuda.MemoryPointer",
]
# These import CUDA's libraries, so their names are read from their text.
TEXTS = ["cupyx.scipy.linalg", "cupyx.scipy.signal"]
# Of modules that are not for everybody, only what is used.
PARTS = {
    "cupy._core": ["_routines_linalg", "get_compute_type", "set_compute_type"],
    "cupy._core._routines_linalg": ["COMPUTE_TYPE_DEFAULT", "COMPUTE_TYPE_TF32"],
    "cupy.cuda.nvrtc": ["getVersion"],
    "cupy.cuda.nvtx": ["Mark", "RangeEnd", "RangePop", "RangePush", "RangeStart"],
    "cupy.cuda.profiler": ["start", "stop"],
}
# A module that cannot be imported without cuBLAS: the functions' own words for their parameters, in its file.
COMPILED = {
    "cupy.cuda.cublas": ("cupy_backends/cuda/libs", "cublas.*", ["gemmStridedBatchedEx", "getMathMode", "setMathMode"])
}

# Functions that are ufuncs inside, and where these are.
INSIDE = {"where": ("cupy._sorting.search", "_where_ufunc"), "clip": ("cupy._core._routines_math", "clip")}


def loops(function: Any) -> list[str]:
    """The types of arguments and results of each loop of a ufunc, in its order."""
    letters = (("".join(t.char for t in types) for types in (op.in_types, op.out_types)) for op in function._ops.ops)
    return ["->".join(pair) for pair in letters]


def parameters(function: Any) -> list[str] | str:
    """The parameters of a function: from its signature, else from the first line of its documentation."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _written(getattr(function, "__doc__", None) or "")
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [stars.get(p.kind, p.name) for p in found if p.name != "self"]


def _written(doc: str) -> list[str] | str:
    """`ndarray.sum(self, axis=None, ...) -> ndarray` as ["axis", ...]."""
    match = re.match(r"[\w.]+\((.*?)\)(?: ->|\s*$|\n)", doc.strip().split("\n\n")[0], re.DOTALL)
    if match is None:
        return "function"
    names, text = [], re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", match[1])
    for part in text.split(","):
        name = part.split("=")[0].split(":")[0].strip().split(" ")[-1]
        if name.startswith("*") and len(name) > 1:
            names.append("**" if name.startswith("**") else "*")
        elif name not in ("self", "", "*", "/"):
            names.append(name)
    return names


def kind(value: Any) -> list[str] | str:
    """A function's parameters, or what else it is."""
    if type(value).__name__ == "ufunc":
        return "ufunc"
    if inspect.isclass(value):
        return "class"
    if inspect.ismodule(value):
        return "module"
    return parameters(value) if callable(value) else "value"


def collect() -> dict[str, Any]:
    """All of it, from the CuPy that is installed."""
    import cupy

    found: dict[str, Any] = {"version": cupy.__version__}
    for path in MODULES:
        module = importlib.import_module(path)
        found[path] = {n: kind(getattr(module, n)) for n in sorted(dir(module)) if not n.startswith("_")}
    for path in CLASSES:
        module_name, _, name = path.rpartition(".")
        made = getattr(importlib.import_module(module_name), name)
        members = {n: kind(getattr(made, n)) for n in sorted(dir(made)) if not n.startswith("_")}
        called = parameters(made)
        if called == "function" or "**" in called:
            called = parameters(made.__init__)
        found[path] = {"()": called, **members}
    for path in TEXTS:
        folder = Path(importlib.import_module(path.split(".")[0]).__path__[0], *path.split(".")[1:])
        tree = ast.parse((folder / "__init__.py").read_text())
        names = [a for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names]
        found[path] = {(a.asname or a.name): "function" for a in names if not a.name.startswith("_")}
    for path, names in PARTS.items():
        found[path] = {n: kind(getattr(pkgutil.resolve_name(path), n)) for n in names}
    ufuncs = ((path, n) for path in ("cupy", "cupyx.scipy.special") for n, k in found[path].items() if k == "ufunc")
    found["loops"] = {"cupy": {}, "cupyx.scipy.special": {}}
    for path, n in ufuncs:
        found["loops"][path][n] = loops(getattr(importlib.import_module(path), n))
    for n, (path, name) in INSIDE.items():
        found["loops"]["cupy"][n] = loops(getattr(importlib.import_module(path), name))
    for path, (folder_name, file, names) in COMPILED.items():
        root = Path(importlib.import_module("cupy").__path__[0]).parent
        (compiled,) = (f for f in (root / folder_name).glob(file) if f.suffix in (".so", ".pyd"))
        text = compiled.read_bytes().decode("latin-1")
        found[path] = {n: _written(re.search(rf"\0({n}\([^)]*\)[^\0]*)\0", text)[1]) for n in names}  # type: ignore[index]
    return found


def known() -> dict[str, Any]:
    """What was written."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(collect(), sort_keys=True) + "\n", encoding="utf-8")
    print(f"{FILE}: {sum(len(v) for v in known().values())} names of CuPy {known()['version']}")
