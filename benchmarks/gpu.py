"""`python -m benchmarks.gpu`: every check and measurement that needs a GPU, in one run, beside torch if installed.

Writes benchmarks/gpu-YYYY-MM-DD.md and .json. Where there is no GPU it says why and writes nothing. Times are medians
of interleaved repeats, of host and device together (until the device has finished).

    python -m benchmarks.gpu              # checks (pytest -m gpu), then measurements
    python -m benchmarks.gpu --no-checks  # measurements only
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import gradviz

HERE = Path(__file__).parent
LENET = (
    "nn.Conv2d(3, 6, 5), R, P, nn.Conv2d(6, 16, 5), R, P, nn.Flatten(), "
    "nn.Linear(400, 120), R, nn.Linear(120, 84), R, nn.Linear(84, 10)"
)
Work = Callable[[], Any]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--no-checks", action="store_true", help="measure only")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    from gradviz.gpu.backend import why_not

    if why_not():
        print(f"No GPU code was executed: {why_not()}")
        return 2
    torch = other()
    result: dict[str, Any] = {"date": str(datetime.now(UTC).date()), **machine(torch)}
    if not options.no_checks:
        result["checks"] = checks()
    result["rows"] = [measured(*row, options.repeats) for row in rows(gradviz, torch)]
    result["captured"] = captured(torch, options.repeats)
    file = options.out / f"gpu-{result['date']}"
    file.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    file.with_suffix(".md").write_text(table(result), encoding="utf-8")
    print(table(result))
    return int(result.get("checks", {}).get("status", 0) != 0)


def other() -> Any:
    """torch, if it is installed and sees the GPU."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def machine(torch: Any) -> dict[str, Any]:
    """What this was measured on."""
    from gradviz.gpu.backend import cupy

    found = gradviz.cuda.get_device_properties()
    return {
        "gpu": repr(found), "driver": cupy().cuda.runtime.driverGetVersion(), "cupy": cupy().__version__,
        "gradviz": gradviz.__version__, "torch": torch and torch.__version__, "numpy": np.__version__,
        "python": platform.python_version(),
    }  # fmt: skip


def checks() -> dict[str, Any]:
    """The tests that need a GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu"]
    run = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    return {"command": " ".join(command[1:]), "status": run.returncode, "tail": run.stdout.strip().splitlines()[-20:]}


# -- work --------------------------------------------------------------------------------------------------------------
def lenet(library: Any, batch: int) -> Callable[[], Any]:
    """A training step of LeNet on images of CIFAR's size, without reading the loss."""
    nn = library.nn
    library.manual_seed(0)
    net = eval(f"nn.Sequential({LENET})", {"nn": nn, "R": nn.ReLU(), "P": nn.MaxPool2d(2)}).to("cuda")
    optimizer = library.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, y = library.rand(batch, 3, 32, 32, device="cuda"), library.randint(0, 10, (batch,), device="cuda")

    def step() -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def small(library: Any) -> Work:
    a = library.rand(64, 64, device="cuda", requires_grad=True)
    return lambda: (a * a).sum().backward()


def product(library: Any) -> Work:
    a = library.rand(1024, 1024, device="cuda")
    return lambda: a @ a


def convolution(library: Any) -> Work:
    x, w = library.rand(64, 64, 32, 32, device="cuda"), library.rand(64, 64, 3, 3, device="cuda", requires_grad=True)
    return lambda: library.nn.functional.conv2d(x, w, padding=1).sum().backward()


def drawn(library: Any) -> Work:
    return lambda: library.randn(1 << 20, device="cuda")


def rows(ours: Any, torch: Any) -> list[tuple[str, Work, Work | None, Any]]:
    """Name, our work, torch's, and what waits for the device."""
    works: list[tuple[str, Callable[[Any], Work]]] = [
        ("64 x 64 product by elements, forward + backward", small),
        ("1024 x 1024 matrix product", product),
        ("conv 3x3 64->64, 32 x 32, batch 64, forward + backward", convolution),
        ("2**20 normal numbers", drawn),
        ("LeNet step, batch 4", lambda library: lenet(library, 4)),
        ("LeNet step, batch 64", lambda library: lenet(library, 64)),
        ("LeNet step, batch 512", lambda library: lenet(library, 512)),
    ]
    return [(name, make(ours), torch and make(torch), torch) for name, make in works]


def measured(name: str, ours: Work, theirs: Work | None, torch: Any, repeats: int) -> dict[str, Any]:
    """Medians in microseconds, ours and torch's in turn."""
    times: dict[str, list[float]] = {"gradviz": [], "torch": []}
    works = [("gradviz", ours, gradviz), *([("torch", theirs, torch)] if theirs else [])]
    for i in range(repeats + 3):
        for key, work, library in works:
            library.cuda.synchronize()
            start = time.perf_counter()
            work()
            library.cuda.synchronize()
            if i >= 3:
                times[key].append((time.perf_counter() - start) * 1e6)
    middle = {key: round(statistics.median(values), 1) for key, values in times.items() if values}
    return {"work": name, **middle}


def captured(torch: Any, repeats: int) -> list[dict[str, Any]]:
    """LeNet's step as a CUDA graph, beside torch's eager one."""
    found = []
    for batch in (4, 64):
        step = gradviz.cuda.make_graphed_step(lenet(gradviz, batch), ())
        found.append(
            measured(f"LeNet step, batch {batch}, captured", step, torch and lenet(torch, batch), torch, repeats)
        )
    return found


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    head = [f"# On a GPU, {result['date']}", ""]
    head += [f"- {key}: {result[key]}" for key in ("gpu", "driver", "cupy", "gradviz", "torch", "numpy", "python")]
    if "checks" in result:
        head += [f"- checks: `{result['checks']['command']}`: {result['checks']['tail'][-1:]}"]
    lines = ["", "| work | gradviz us | torch us | ratio |", "|---|---|---|---|"]
    for row in [*result["rows"], *result["captured"]]:
        theirs = row.get("torch")
        ratio = f"{row['gradviz'] / theirs:.2f}" if theirs else ""
        lines.append(f"| {row['work']} | {row['gradviz']} | {theirs or ''} | {ratio} |")
    return "\n".join([*head, *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
