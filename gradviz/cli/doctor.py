"""`gradviz doctor`: what is here, and how to get the rest. Always exits 0: a missing extra is no failure."""

from __future__ import annotations

import argparse
import platform
import textwrap
from collections.abc import Callable
from typing import NamedTuple

from gradviz.cli import places, probes
from gradviz.cli.needs import NEEDS
from gradviz.core import accelerator
from gradviz.version import __version__


class Finding(NamedTuple):
    """One row: is it here, what exactly, and how to get it where it is not (or not enough)."""

    ok: bool
    detail: str
    get: str = ""


GET = {need.name: need.get for need in NEEDS}


ESSENTIAL = ("lessons", "JupyterLab", "widgets")


def examine() -> dict[str, Finding]:
    """Every row of the table, in its order."""
    return {name: probe() for name, probe in PROBES.items()}


def _gradviz() -> Finding:
    root = places.checkout()
    return Finding(True, f"{__version__}, {f'checkout {root}' if root else f'installed in {places.PACKAGE}'}")


def _lessons() -> Finding:
    try:
        folder = places.shipped()
    except FileNotFoundError as error:
        return Finding(False, str(error), "gradviz lessons build")
    count = len(list(folder.glob("*.ipynb")))
    place = "opened in place" if places.checkout() and places.writable(folder) else "copied to ~/gradviz-lessons"
    return Finding(True, f"{count} notebooks, {place} by `gradviz lab`")


def _numpy() -> Finding:
    return Finding(True, f"{probes.version('numpy')}, {probes.blas()}")


def _distributions(names: tuple[str, ...], get: str) -> Finding:
    found = {name: probes.version(name) for name in names}
    detail = ", ".join(f"{name} {number or 'is missing'}" for name, number in found.items())
    return Finding(all(found.values()), detail, get)


def _gpu() -> Finding:
    device, why = probes.gpu()
    return Finding(device is not None, device or why, GET["gpu"])


def _accelerator() -> Finding:
    number = probes.version("gradviz_accelerator")
    detail = f"{number}, {accelerator.STATE}" if number else accelerator.STATE
    return Finding(accelerator.used(), detail, GET["accelerator"])


def _dot() -> Finding:
    line = probes.first_line("dot", "-V")
    return Finding(
        line is not None, line or "not found: pictures use gradviz's own layout, which needs none", GET["dot"]
    )


def _chromium() -> Finding:
    binary = probes.chromium()
    line = probes.first_line(binary, "--version") if binary else None
    return Finding(
        binary is not None,
        f"{line or 'found'}, {binary}" if binary else "not found: only the browser tests need it",
        GET["browser"],
    )


def _data() -> Finding:
    folder, detail = probes.data_folder()
    return Finding(
        folder is not None, f"{detail}" + ("" if folder else "; the lessons bring their own small data"), GET["data"]
    )


PROBES: dict[str, Callable[[], Finding]] = {
    "Python": lambda: Finding(True, f"{probes.python()} on {platform.system()} {platform.machine()}"),
    "gradviz": _gradviz,
    "lessons": _lessons,
    "NumPy": _numpy,
    "JupyterLab": lambda: _distributions(("jupyterlab", "ipykernel"), GET["lab"]),
    "widgets": lambda: _distributions(("ipywidgets", "anywidget"), GET["lab"]),
    "extras": lambda: _distributions(("scipy", "pillow"), GET["lab"]),
    "logs": lambda: _distributions(("tensorboard",), GET["logs"]),
    "compiled": _accelerator,
    "GPU": _gpu,
    "dot": _dot,
    "data": _data,
    "tests": lambda: _distributions(("pytest", "nbval", "playwright"), 'pip install -e ".[test]"'),
    "Chromium": _chromium,
    "torch": lambda: _distributions(("torch",), GET["oracle"]),
}


def report(findings: dict[str, Finding]) -> str:
    """The table as text: a mark, the thing, what it is; and under a missing one how to get it."""
    rows = []
    for name, finding in findings.items():
        mark = "ok" if finding.ok else "--"
        rows += textwrap.wrap(finding.detail, 100, initial_indent=f"  {mark}  {name:<11}", subsequent_indent=" " * 17)
        if not finding.ok and finding.get:
            rows.append(" " * 17 + f"get it:  {finding.get}")
    return "\n".join(rows)


def main(argv: list[str]) -> int:
    argparse.ArgumentParser(
        prog="gradviz doctor", description="What is installed here, and how to get the rest."
    ).parse_args(argv)
    findings = examine()
    print(report(findings))
    missing = [name for name, finding in findings.items() if not finding.ok]
    wanted = [name for name in ESSENTIAL if name in missing]
    end = f"`gradviz lab` needs: {', '.join(wanted)}." if wanted else "The lessons run here."
    print(f"\n{end}" + (f" Missing: {', '.join(missing)}." if missing else " Nothing is missing."))
    return 0
