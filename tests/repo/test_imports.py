"""Which module may import which, and what `import gradviz` may cost."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# what only some functions need: imported by them, never by `import gradviz`
LAZY = (
    "IPython ipywidgets anywidget graphviz PIL scipy cupy torch matplotlib "
    "numpy.random gradviz.core.record gradviz.core.printing gradviz.func "
    "asyncio multiprocessing urllib.request http.client tempfile zipfile tarfile sqlite3 unittest socket"
)


def imported(file: Path) -> set[str]:
    """The absolute modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def test_core_imports_only_numpy_and_the_standard_library(repo: Path) -> None:
    allowed = sys.stdlib_module_names | {"numpy", "ml_dtypes", "scipy"}
    wrong = {
        f"{file.name}: {name}"
        for file in (repo / "gradviz/core").rglob("*.py")
        for name in imported(file)
        if name.split(".")[0] not in allowed and not f"{name}.".startswith(("gradviz.core.", "gradviz.version."))
    }
    assert wrong == set()


def test_the_layer_rule(repo: Path) -> None:
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    if tool is None:
        pytest.skip("import-linter is not installed")
    run = subprocess.run([tool, "--no-cache"], cwd=repo, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def python(code: str, repo: Path) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, check=True).stdout.strip()


def test_import_brings_nothing_heavy(repo: Path) -> None:
    """Compared with NumPy's own import, which brings some of these in some versions."""
    code = "import sys, {}; print(*sorted(m for m in {!r}.split() if m in sys.modules))"
    extra = set(python(code.format("gradviz", LAZY), repo).split()) - set(
        python(code.format("numpy", LAZY), repo).split()
    )
    assert extra == set()


def test_what_is_read_later_is_there_all_the_same(repo: Path) -> None:
    code = (
        "import gc, gradviz; names = dir(gradviz); from gradviz import *; "
        "print(gc.isenabled(), gc.get_freeze_count(), {'record', 'set_printoptions', 'vmap', 'load'} <= set(names), "
        "len(names) == len(set(names)), callable(record) and callable(set_printoptions) and callable(vmap), "
        "gradviz.record is record, gradviz.float is float)"
    )
    assert python(code, repo) == "True 0 True True True True True"


def test_the_collector_rests_and_goes_on_as_before() -> None:
    import gc

    from gradviz.core.collector import resting

    with resting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="inside"), resting():
        raise ValueError("inside")
    assert gc.isenabled()
    gc.disable()
    try:
        with resting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_somebody_froze_stays_frozen(repo: Path) -> None:
    code = (
        "import gc; gc.freeze(); n = gc.get_freeze_count(); import gradviz; "
        "print(n > 0, gc.get_freeze_count() >= n / 2)"
    )
    assert python(code, repo) == "True True"


@pytest.mark.slow
def test_import_costs_little_more_than_numpy(repo: Path) -> None:
    """In processor time, which does not depend on what else the machine does."""
    code = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
    pairs = [[float(python(code.format(name), repo)) for name in ("numpy", "gradviz")] for _ in range(7)]
    numpy, ours = (min(column) for column in zip(*pairs, strict=True))
    assert ours <= numpy + 0.15
