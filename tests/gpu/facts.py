"""How CuPy behaves where it is not NumPy: expressions and what comes of them, kept in facts.json.

    python -m tests.gpu.facts      # on a machine with a GPU: records them anew

`source` in facts.json says where the outcomes are from: CuPy's documentation (user guide, "Difference between CuPy and
NumPy", "Upgrade guide") until they have been recorded on a GPU. The stand-in must behave the same: test_facts.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

FILE = Path(__file__).with_name("facts.json")
EXPRESSIONS = {
    "an index out of range wraps around": "cp.arange(3)[cp.array([4, -4])]",
    "so does one of take": "cp.take(cp.arange(3), cp.array([5]))",
    "and one of take_along_axis": "cp.take_along_axis(cp.arange(3), cp.array([3]), axis=0)",
    "a plain number out of range is refused": "cp.arange(3)[5]",
    "reductions give arrays": "cp.sum(cp.ones(3)).shape",
    "and so does a single element": "type(cp.ones(3)[0]) is cp.ndarray",
    "lists are no operands": "cp.add([1.0], [2.0])",
    "nor are NumPy's arrays": "cp.ones(2) + np.ones(2)",
    "from either side": "np.ones(2) + cp.ones(2)",
    "nor inside functions": "cp.concatenate([cp.ones(1), np.ones(1)])",
    "NumPy takes no such array": "np.asarray(cp.ones(2))",
    "arrays of the host are moved by asarray": "cp.asarray(np.ones(2, 'f4'))",
    "numbers of NumPy are operands": "cp.ones(2, 'f4') * np.float32(3)",
    "a Python number keeps the type": "(cp.ones(2, 'f4') * 3.5).dtype.name",
    "a number of 64 bits does not": "(cp.ones(2, 'f4') * np.float64(3)).dtype.name",
    "no where= in reductions": "cp.sum(cp.ones(2), where=cp.ones(2, '?'))",
    "no min= in clip": "cp.clip(cp.ones(2), min=0.0)",
    "clip by its own names": "cp.clip(cp.arange(4.0), a_min=1.0, a_max=2.0)",
    "functions that are missing": "cp.block([cp.ones(2)])",
    "writes into integers are not widened": "cp.add(cp.ones(2, 'i4'), 1.5, out=cp.ones(2, 'i4'))",
    "arrays have no hash": "hash(cp.ones(2))",
    "many numbers have no truth": "bool(cp.ones(2))",
    "one number has": "bool(cp.ones(1))",
    "and leaves by float": "float(cp.ones(()))",
    "a stable order": "cp.argsort(cp.array([2, 1, 2, 1]), kind='stable')",
    "views know their base": "cp.ones((2, 3))[1:].base is not None",
    "as_strided is there": "cp.lib.stride_tricks.as_strided(cp.arange(4), (2, 2), (8, 8))",
    "where has no loop of bfloat16": "cp.where(cp.ones(2, '?'), cp.ones(2, bf16), cp.ones(2, bf16)).dtype.name",
    "clip has none either": "cp.clip(cp.ones(2, bf16), cp.zeros((), bf16), cp.ones((), bf16)).dtype.name",
    "arithmetic has": "(cp.ones(2, bf16) * cp.ones(2, bf16)).dtype.name",
    "a whole number of Python keeps bfloat16": "(cp.ones(2, bf16) + 1).dtype.name",
    "a float of Python does not": "(cp.ones(2, bf16) * 2.0).dtype.name",
    "bfloat16 is not sorted": "cp.sort(cp.ones(2, bf16))",
    "no truth of complex numbers": "cp.logical_and(cp.ones(2, 'F'), cp.ones(2, 'F'))",
    "a matrix that is not positive definite has a factor": "cp.linalg.cholesky(cp.array([[1.0, 2], [2, 1]])).shape",
    "maximum keeps NaN": "cp.maximum(cp.array([1.0, np.nan]), 2.0)",
    "division by zero is infinite": "cp.ones(1) / cp.zeros(1)",
}


def outcome(expression: str, cp: Any) -> list[Any]:
    """["value", it] or ["error", its type]; arrays as dtype and list, numbers that are not finite as text."""
    try:
        with np.errstate(all="ignore"):
            value = eval(expression, {"cp": cp, "np": np, "bf16": np.dtype(ml_dtypes.bfloat16)})
    except Exception as error:  # to be told
        return ["error", next(k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins")]
    if isinstance(value, cp.ndarray):
        return ["value", value.dtype.name, [v if np.isfinite(v) else str(v) for v in value.ravel().tolist()]]
    return ["value", list(value) if isinstance(value, tuple) else value]


def known() -> dict[str, Any]:
    """What was written."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    import cupy

    gpu = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    facts = {what: outcome(expression, cupy) for what, expression in EXPRESSIONS.items()}
    told = {"source": f"recorded with CuPy {cupy.__version__} on {gpu}", "facts": facts}
    FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
