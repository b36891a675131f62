"""Look at this machine: one small function for each thing, which never raises and never starts a server."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
INSTALLED_CHROMES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def version(distribution: str) -> str | None:
    """The installed version of a distribution, without importing it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def first_line(*command: str) -> str | None:
    """The first line a program prints about itself, or None when it is missing, fails or does not answer."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (run.stdout + run.stderr).strip().splitlines()
    return lines[0] if run.returncode == 0 and lines else None


def chromium() -> str | None:
    """The Chromium or Chrome to use: GRADVIZ_CHROMIUM, else the first one on the path or in a usual place."""
    named = os.environ.get("GRADVIZ_CHROMIUM")
    if named:
        return shutil.which(named)
    found = (shutil.which(name) for name in CHROMES)
    return next(filter(None, found), None) or next((file for file in INSTALLED_CHROMES if Path(file).is_file()), None)


def blas() -> str:
    """The BLAS that NumPy was built with, and how many threads it may use."""
    import numpy as np

    config: Any = np.show_config(mode="dicts")
    library = (config or {}).get("Build Dependencies", {}).get("blas", {})
    name = f"{library.get('name', 'unknown BLAS')} {library.get('version', '')}".strip()
    set_by = next(
        (v for v in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS") if os.environ.get(v)), None
    )
    count = f"{os.environ[set_by]} ({set_by})" if set_by else f"up to {os.cpu_count()}"
    return f"{name}, threads: {count}"


def data_folder() -> tuple[Path | None, str]:
    """GRADVIZ_DATA as a folder, and what is to be said about it."""
    named = os.environ.get("GRADVIZ_DATA")
    if not named:
        return None, "GRADVIZ_DATA is not set"
    folder = Path(named).expanduser()
    if not folder.is_dir():
        return None, f"GRADVIZ_DATA is {folder}, which is no folder"
    return folder, f"GRADVIZ_DATA={folder}" + (", with CIFAR-10" if (folder / "cifar-10-batches-py").is_dir() else "")


def gpu() -> tuple[str | None, str]:
    """The CUDA device that CuPy can use, or None and the reason why there is none."""
    driver = first_line("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    seen = f"driver sees {driver}" if driver else "no NVIDIA driver answers here"
    if importlib.util.find_spec("cupy") is None:
        return None, f"{seen}; CuPy is not installed{_fitting(driver)}"
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except Exception as error:  # CuPy raises classes of its own, and ImportError or OSError for a broken library
        return None, f"{seen}; CuPy says: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    from gradviz.gpu.backend import why_not

    if why_not():
        return None, f"{seen}; {why_not()}"
    return f"{name} ({count} device{'s' * (count > 1)}), CuPy {cupy.__version__}", seen


def _fitting(driver: str | None) -> str:
    """Which extra fits a driver: CUDA 13 needs version 580 (CUDA Toolkit Release Notes, table of driver versions)."""
    if driver is None:
        return ""
    number = driver.rpartition(",")[2].strip().partition(".")[0]
    return f", this driver fits gradviz[cuda{13 if number.isdigit() and int(number) >= 580 else 12}]"


def python() -> str:
    venv = " in a virtual environment" if sys.prefix != sys.base_prefix else ""
    return f"{platform.python_version()}{venv}, {sys.executable}"
