"""What gradviz uses of CuPy is there, by its wheel (cupy.json): names, and the keywords they are called with.

No GPU is needed for this, and no GPU code is executed. Where CuPy is installed, cupy.json is compared with it.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gradviz
from tests.cupy_types import LOOPS, _resolve, dtype

from .cupy_names import CLASSES, FILE, collect, known

CUPY = known()
PACKAGE = Path(gradviz.__file__).parent
# What stands for CuPy's module, or a part of it, in our code; and what is documented but made only with an object.
ROOTS = {"cp": "cupy", "cupy()": "cupy", "xp": "cupy", "sp": "cupyx.scipy", "runtime": "cupy.cuda.runtime"}
MADE_LATER = {"cupy.cuda.Stream": {"ptr", "device_id"}, "cupy.cuda.Event": {"ptr"}, "cupy.cuda.Device": {"id"}}


def uses(file: Path, roots: dict[str, str]) -> Iterator[tuple[int, str, list[str] | None]]:
    """Line, dotted name and keywords (None where it is not called) of what a file uses of CuPy."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            path, at = [], node
            while isinstance(at, ast.Attribute):
                path.append(at.attr)
                at = at.value  # type: ignore[assignment]
            root = roots.get(ast.unparse(at))
            if root is not None:
                call = calls.get(id(node))
                yield node.lineno, ".".join([root, *reversed(path)]), call and [k.arg for k in call.keywords if k.arg]  # type: ignore[misc]


def problem(name: str, keywords: list[str] | None) -> str | None:
    """What is wrong with a use, or None."""
    parts = name.split(".")
    for n in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:n])
        if module in CUPY:
            break
    else:
        return f"{name}: not known"
    rest = parts[n:]
    if name in ON_HOST or rest[0].startswith("__"):
        return None
    if rest[0] not in CUPY[module]:
        return f"CuPy has no {module}.{rest[0]}"
    kind: Any = CUPY[module][rest[0]]
    whole = f"{module}.{rest[0]}"
    if whole in CUPY and "()" in CUPY[whole]:
        kind = CUPY[whole]["()"]
    if len(rest) > 1:
        if whole in CLASSES and rest[1] not in CUPY[whole] and rest[1] not in MADE_LATER.get(whole, ()):
            return f"CuPy has no {whole}.{rest[1]}"
        return None
    if keywords and isinstance(kind, list) and "**" not in kind:
        unknown = set(keywords) - set(kind)
        return f"{name}() takes {kind}, not {sorted(unknown)}" if unknown else None
    return None


FILES = sorted(
    file.relative_to(PACKAGE).as_posix()
    for folder in ("core", "nn", "optim", "gpu", "cuda", "amp")
    for file in (PACKAGE / folder).rglob("*.py")
)
ON_HOST = {"cupyx.scipy.special.airy"}  # gradviz.gpu.host sends these operations there
# Run on the CPU only: what NumPy has besides may be used.
ON_CPU = {"core/ops/on_cpu.py", "core/ops/layers/convolve_rows.py"}


@pytest.mark.parametrize("file", FILES)
def test_what_is_used_is_there(file: str) -> None:
    if file in ON_CPU:
        pytest.skip("these forwards stand in on the CPU only")
    found = [f"line {line}: {bad}" for line, *use in uses(PACKAGE / file, ROOTS) if (bad := problem(*use))]  # type: ignore[arg-type]
    assert not found


def test_uses_are_found() -> None:
    """The walk sees a good part of them, so that an empty list of problems means something."""
    counts = {f: sum(1 for _ in uses(PACKAGE / f, ROOTS)) for f in FILES}
    assert sum(counts.values()) > 800
    assert counts["gpu/backend.py"] > 5
    assert counts["cuda/devices.py"] == 0  # it names CuPy by backend.cupy(), see below


def test_uses_through_the_backend_are_there() -> None:
    roots = {"backend.cupy()": "cupy"}
    found = [use for f in FILES if f.startswith("cuda/") for use in uses(PACKAGE / f, roots)]
    assert len(found) >= 3
    assert not [bad for _, *use in found if (bad := problem(*use))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "keywords"),
    [("cupy.block", None), ("cupy.sum", ["where"]), ("cupy.cuda.Stream.nul", None), ("cupy.cuda.cudnn", None)],
)
def test_what_is_not_there_is_noticed(name: str, keywords: Any) -> None:
    assert problem(name, keywords)


def test_the_file_is_that_of_the_wheel() -> None:
    """Skipped where CuPy is not installed: `pip install cupy-cuda12x` needs no GPU."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install cupy-cuda12x (no GPU is needed)")
    if cupy.__version__ != CUPY["version"]:
        pytest.skip(f"cupy.json is of CuPy {CUPY['version']}, installed is {cupy.__version__}: write it anew")
    assert collect() == CUPY, f"write {FILE.name} anew"


def test_loops_are_chosen_as_cupy_chooses_them() -> None:
    """Ours against CuPy's own choice, for every ufunc and pair of types; skipped where CuPy is not installed."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install cupy-cuda13x (no GPU is needed)")
    compared, letters = 0, [dtype(letter) for letter in "?bBhHiIlLefdEFD"]
    for name in LOOPS["cupy"]:
        function = getattr(cupy, name)
        if type(function).__name__ != "ufunc" or function.nin > 2:
            continue
        for types in itertools.product(letters, repeat=function.nin):
            found = function._ops._guess_routine_from_in_types(types)
            ours = _resolve("cupy", name, types, (None,) * len(types))
            assert (ours and ours[0]) == (found and found.in_types), (name, types)
            compared += 1
    assert compared > 5000
