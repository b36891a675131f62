"""Where a program runs: when a GPU pays."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def device_crossover() -> Any:
    """DeviceCrossover
    Launch, copy and work on a GPU beside a CPU, by published rates, as the work grows: when does it pay?"""
    from gradviz.widgets import DeviceCrossover

    product = {
        "start": lambda n, device: (torch.matmul, (torch.rand(n, n), torch.rand(n, n))),
        "flop": lambda n: 2 * n**3,
        "copied": lambda n: 3 * 4 * n**2,  # bytes: two matrices there, one back
        "unit": "rows and columns",
    }
    rows = {
        "start": lambda n, device: (torch.nn.Linear(512, 512).to(device), (torch.rand(n, 512),)),
        "flop": lambda n: 2 * 512 * 512 * n,
        "copied": lambda n: 2 * 4 * 512 * n,
        "touched": lambda n: 2 * 4 * 512 * n + 4 * 512 * 513,
        "unit": "rows",
    }
    core = {"flops": 96e9, "memory": 51.2e9}
    t4 = {"flops": 8.1e12, "memory": 300e9, "bus": 16e9, "launch": 3.8e-6}
    a100 = {"flops": 19.5e12, "memory": 1935e9, "bus": 32e9, "launch": 3.8e-6}
    works = {"a @ b": product, "a layer of 512": rows}
    return DeviceCrossover(works, cpu=core, gpus={"T4": t4, "A100": a100}, cpu_name="one CPU core")


PAGES = [device_crossover]
