"""What `python -m benchmarks.gpu` writes: the machine, the rows so far, and how they stand to the figures asked for."""

from __future__ import annotations

import contextlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import gradviz

REPO = Path(__file__).parent.parent


class Report:
    """A file of JSON and one of Markdown, written anew, beside and then in place, whenever there is something more."""

    def __init__(self, folder: Path, about: dict[str, Any], suffix: str = "") -> None:
        now = datetime.now(UTC)
        self.file = folder / f"gpu-{now.date()}{suffix}"
        self.result: dict[str, Any] = {"date": str(now.date()), "began": now.isoformat(timespec="seconds"), **about}
        self.result["rows"] = []

    @property
    def checks(self) -> Any:
        return self.result.get("checks")

    @checks.setter
    def checks(self, found: dict[str, Any]) -> None:
        self.result["checks"] = found
        self.write()

    def add(self, row: Any, found: dict[str, Any]) -> str:
        """One row more: its name, what is asked of it, and what was found; as it stands in the table."""
        asked = (
            {"goal": row.goal}
            if getattr(row, "goal", None)
            else {"wanted": row.wanted}
            if hasattr(row, "wanted")
            else {}
        )
        self.result["rows"].append({"work": row.name, **asked, **found})
        self.write()
        return line(self.result["rows"][-1])

    def write(self) -> None:
        for suffix, text in ((".json", json.dumps(self.result, indent=1) + "\n"), (".md", table(self.result))):
            beside = self.file.with_name(self.file.name + suffix + ".new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.file.with_name(self.file.name + suffix))

    @property
    def failed(self) -> bool:
        """Whether a row gave nothing, a fact is not as it is to be, or a check failed."""
        rows = self.result["rows"]
        return any("error" in r or r.get("good") is False for r in rows) or (self.checks or {}).get(
            "status", 0
        ) not in (0, None)


def machine(torch: Any) -> dict[str, Any]:
    """What this is measured on, and with which libraries."""
    from gradviz.gpu.backend import cupy

    runtime = cupy().cuda.runtime
    return {
        "gpu": repr(gradviz.cuda.get_device_properties()), "driver": version(runtime, "driverGetVersion"),
        "cuda": version(runtime, "runtimeGetVersion"), "cupy": cupy().__version__,
        "cudnn": gradviz.backends.cudnn.version(), "gradviz": gradviz.__version__, "commit": commit(),
        "torch": torch and f"{torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}",
        "numpy": np.__version__, "python": platform.python_version(), "processor": platform.machine(),
    }  # fmt: skip


def commit() -> str:
    """Which state of the repository; nothing where git, or the repository, is not there."""
    with contextlib.suppress(OSError):
        told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPO, capture_output=True, text=True, check=False)
        return told.stdout.strip()
    return ""


def version(runtime: Any, name: str) -> int | None:
    """A number such as 13000; None where it is not to be had."""
    return int(getattr(runtime, name)()) if hasattr(runtime, name) else None


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [f"# On a GPU, {result['date']}", ""]
    lines += [f"- {key}: {value}" for key, value in result.items() if key not in ("rows", "checks", "date")]
    if "checks" in result:
        lines += [f"- checks: `{result['checks']['command']}`: {(result['checks']['tail'] or [''])[-1]}"]
    if not str(result.get("torch") or "").strip():
        lines += ["- torch sees no GPU here: its column is empty, and no ratio can be told"]
    lines += ["", "| work | gradviz us | torch us | ratio | quartiles | asked for | |", "|---|---|---|---|---|---|---|"]
    lines += [line(row) for row in result["rows"]]
    return "\n".join([*lines, ""])


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    asked = f"<= {row['goal']}" if "goal" in row else row.get("wanted", "")
    if "error" in row:
        cells = [row["error"], "", "", "", asked, "failed"]
    elif "found" in row:
        cells = [row["found"], "", "", "", asked, {True: "yes", False: "NO", None: ""}[row["good"]]]
    else:
        ratio = row.get("ratio")
        reached = "" if ratio is None or "goal" not in row else "yes" if ratio <= row["goal"] else "NO"
        quartiles = " to ".join(f"{q:.2f}" for q in row.get("quartiles", ()))
        cells = [
            row["gradviz"],
            row.get("torch", ""),
            "" if ratio is None else f"{ratio:.2f}",
            quartiles,
            asked,
            reached,
        ]
    return "| " + " | ".join(str(c).replace("|", "/") for c in (row["work"], *cells)) + " |"
