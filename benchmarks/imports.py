"""From a fresh interpreter to a library that is imported, has walked one graph back, has trained one step.

The interpreter's own start is not counted. Memory is all that the new process has. The first calls, which do not count,
leave every library's bytecode behind, as its installation would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

from .spec import Make, Measured, Spec

STEP = """
nn = t.nn
net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = t.optim.SGD(net.parameters(), lr=0.01)
nn.functional.cross_entropy(net(t.randn(64, 784)), t.zeros(64, dtype=t.int64)).backward()
optimizer.step()
"""
SHARED = {
    "import": "import {} as t",
    "and a first backward": "import {} as t; x = t.tensor(2.0, requires_grad=True); (x * x).backward()",
    "and a first training step": "import {} as t" + STEP,
}
PROGRAMS = {
    "gradviz": {size: text.format("gradviz") for size, text in SHARED.items()},
    "torch": {size: text.format("torch") for size, text in SHARED.items()},
    "NumPy": {"import": "import numpy"},
    "HIPS autograd": {
        "import": "import autograd, autograd.numpy",
        "and a first backward": "import autograd, autograd.numpy; autograd.grad(lambda x: x * x)(2.0)",
    },
    "MyGrad": {
        "import": "import mygrad",
        "and a first backward": "import mygrad; x = mygrad.tensor(2.0); (x * x).backward()",
    },
    "micrograd": {
        "import": "import micrograd.engine",
        "and a first backward": "from micrograd.engine import Value; x = Value(2.0); (x * x).backward()",
    },
    "tinygrad": {
        "import": "import tinygrad",
        "and a first backward": "import tinygrad as t; x = t.Tensor([2.0]).realize(); "
        "(x * x).sum().gradient(x)[0].realize()",
    },
}
CLOCK = """
import json, time
start = time.perf_counter()
{program}
seconds = time.perf_counter() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([seconds, int(status["VmHWM"].split()[0]) * 1024]))
"""


class Fresh:
    """The program in an interpreter of its own, which says what it took."""

    def __init__(self, library: str, size: str) -> None:
        if size not in PROGRAMS[library]:
            raise NotImplementedError("no such program")
        self.program = PROGRAMS[library][size].strip()

    def __call__(self) -> Measured:
        return Measured(*json.loads(self.run("-c", CLOCK.format(program=self.program)).stdout.splitlines()[-1]))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=settings)

    def profile(self) -> list[tuple[str, float]]:
        """The packages whose modules took longest to import by themselves, and their part of the whole."""
        spent: Counter[str] = Counter()
        for line in self.run("-X", "importtime", "-c", self.program).stderr.splitlines()[1:]:
            own, _, name = line.removeprefix("import time:").split("|")
            spent[name.strip().split(".")[0]] += int(own)
        return [(name, own / spent.total()) for name, own in spent.most_common(6)]


def of(library: str) -> Make:
    return lambda module, size: Fresh(library, size)


SPECS = [
    Spec(
        "a fresh interpreter",
        {size: size for size in SHARED},
        {name: of(name) for name in PROGRAMS},
        {"import": 0.15},
        limit="NumPy's own import, then reading gradviz's modules",
    )
]
