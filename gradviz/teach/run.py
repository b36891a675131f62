"""Run a notebook in a fresh kernel, and take everything out of it that differs from one run or machine to the next."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from gradviz.teach.course import root

WIDGET = "application/vnd.jupyter.widget-view+json"
LIMIT = 100_000  # bytes one cell's outputs may have
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FORBIDDEN = {
    "an address": re.compile(r"0x[0-9a-f]{6,}"),
    "an absolute path": re.compile(r"(?<![\w/.>])/(?:home|root|tmp|usr|var|Users|opt|private)/[\w.-]+|[A-Z]:\\Users"),
    "a time": re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|µs|s|sec|seconds)\b|\b\d\d:\d\d:\d\d\b"),
    "a path of this machine": re.compile("|".join(re.escape(str(p)) for p in (root(), Path.home(), Path(sys.prefix)))),
}


class Cost(NamedTuple):
    """What a run took: seconds from the first cell's start to the last one's end, CPU seconds and peak megabytes."""

    seconds: float
    cpu: float
    peak: float


def execute(notebook: Any, *, timeout: int = 120) -> Any:
    """Run all cells in place: this Python, one BLAS thread, a fixed hash seed, a home and a folder that are empty."""
    run_in_kernel(notebook, timeout)
    return normalise(notebook)


# VmHWM is the largest resident set of the program that runs; ru_maxrss also counts the process that started it.
SPENT = """
import time
print(time.process_time(), next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def measure(notebook: Any, *, timeout: int = 120) -> Cost:
    """Run all cells in a fresh kernel and say what it took; the CPU time and the peak are those of the whole kernel.

    Linux only: the peak is read from ``/proc``.
    """
    from nbformat import v4

    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last: Any = v4.new_code_cell(SPENT)
    notebook.cells.append(last)
    run_in_kernel(notebook, timeout)
    notebook.cells.pop()
    first, end = (
        cells[i].metadata["execution"][when] for i, when in ((0, "iopub.execute_input"), (-1, "iopub.status.idle"))
    )
    took = datetime.fromisoformat(end) - datetime.fromisoformat(first)
    cpu, kibibytes = joined(last.outputs)[0].text.split()
    return Cost(took.total_seconds(), float(cpu), int(kibibytes) * 1024 / 1e6)


def run_in_kernel(notebook: Any, timeout: int) -> None:
    """Run all cells in a kernel of their own, as `execute` says; an error in a cell is raised here."""
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            **dict.fromkeys(THREADS, "1"),
            "PYTHONHASHSEED": "0",
            "GRADVIZ_HOME": str(Path(folder) / "home"),
        }
        client = NotebookClient(
            notebook,
            timeout=timeout,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        manager: Any = client.create_kernel_manager()
        manager.kernel_spec.argv[0] = sys.executable  # the environment we run in, whatever kernels are registered
        client.execute(env=env)


def normalise(notebook: Any) -> Any:
    """Keep sources, ids, counts and what is the same in every run; drop the rest."""
    notebook.metadata = {
        key: notebook.metadata[key] for key in ("kernelspec", "language_info") if key in notebook.metadata
    }
    notebook.metadata["language_info"] = {"name": "python"}
    count = 0
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type != "code":
            continue
        count += cell.execution_count is not None
        cell.execution_count = count if cell.execution_count is not None else None
        cell.outputs = [normal_output(output, cell.execution_count) for output in joined(cell.outputs)]
    return notebook


def joined(outputs: list[Any]) -> list[Any]:
    """Neighbouring pieces of one stream become one output: where a stream is cut is chance."""
    whole: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and whole and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def normal_output(output: Any, count: int | None) -> Any:
    """One output without widget references, timings and frames of other people's files."""
    if "data" in output:
        output.data = {kind: output.data[kind] for kind in sorted(output.data) if kind != WIDGET}
        output.metadata = {}
    if output.output_type == "execute_result":
        output.execution_count = count
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def texts(output: Any) -> dict[str, str]:
    """The texts of one output, by kind."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": "\n".join(output.traceback)}
    return {kind: value if isinstance(value, str) else str(value) for kind, value in output.data.items()}


def complaints(notebook: Any) -> list[str]:
    """What an executed notebook must not have: cells not run, errors, outputs that change with the run or are heavy."""
    found, count = [], 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        count += 1
        if cell.execution_count != count:
            found.append(f"{cell.id}: execution count {cell.execution_count} instead of {count}")
        size = 0
        for output in cell.outputs:
            for kind, text in texts(output).items():
                size += len(text.encode())
                found += [f"{cell.id}: {kind} holds {name}: {hit}" for name, hit in forbidden(kind, text)]
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"{cell.id}: {output.ename}: {output.evalue}")
            if WIDGET in output.get("data", {}):
                found.append(f"{cell.id}: a reference to a live widget")
        if size > LIMIT:
            found.append(f"{cell.id}: {size:,} bytes of output, more than {LIMIT:,}")
    if "widgets" in notebook.metadata:
        found.append("the notebook holds widget state")
    return found


PROGRAM = re.compile(r"<(script|style)\b.*?</\1>|base64,[A-Za-z0-9+/=]+", re.DOTALL)


def forbidden(kind: str, text: str) -> list[tuple[str, str]]:
    """What must not stand in a text; the viewer's program and packed pictures inside HTML are not text."""
    shown = PROGRAM.sub("", text) if kind == "text/html" else text
    return [(name, hit.group()) for name, pattern in FORBIDDEN.items() if (hit := pattern.search(shown))]
