"""One library in a process of its own: `python -m benchmarks.worker LIBRARY`; a line of JSON in, a line of JSON out.

    {"do": "prepare", "family": ..., "spec": 0, "size": ...}  builds the work and calls it until it has settled
    {"do": "time", "calls": k, "wake": ...}                   what one call takes: {"seconds": ...}
    {"do": "memory", "family": ..., "spec": ..., "size": ...} in a forked child that has only imported the library
    {"do": "profile", "seconds": s}                           where Python says the time goes

What fails answers {"error": text}. The number of threads is in the environment, since BLAS reads it when it is loaded.
"""

from __future__ import annotations

import contextlib
import cProfile
import gc
import importlib
import json
import os
import platform
import pstats
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from .spec import ACCELERATED, LIBRARIES, Measured, Work

SETTLE = 2.0  # seconds of calls that do not count, at most, while caches fill
MANY = 0.1  # seconds: a call that takes longer is not disturbed by what was before
COMPILES = {"tinygrad": 60.0}  # its first call compiles, its second is captured
WARM = """
nn, F = t.nn, t.nn.functional
x = nn.BatchNorm2d(2)(F.max_pool2d(nn.Conv2d(1, 2, 3)(t.randn(2, 1, 6, 6)), 2)).flatten(2)
y = nn.TransformerEncoderLayer(4, 2, 4, batch_first=True)(nn.LSTM(4, 4)(x)[0]).flatten(0, 1)
layer = nn.Linear(4, 2)
for kind in (t.optim.SGD, t.optim.Adam):
    optimizer = kind(layer.parameters(), lr=0.1)
    F.cross_entropy(layer(y.detach()), t.zeros(4, dtype=t.int64)).backward()
    optimizer.step()
y.sum().backward()
next(iter(t.utils.data.DataLoader(list(range(4)))))
if hasattr(t, "record"):
    with t.record() as tape:
        layer(y.detach()).sum().backward()
    tape.recording
"""  # what a library imports only when it is first used


def main(name: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    worker = Worker(name)
    answers.write(json.dumps(worker.hello()) + "\n")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = getattr(worker, asked.pop("do"))(**asked)
        except Exception as wrong:
            said = {"error": f"{type(wrong).__name__}: {wrong}".splitlines()[0][:200]}
        answers.write(json.dumps(said) + "\n")


class Worker:
    """A library and the work it was last asked to prepare."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.library: Any = None
        self.work: Work = lambda: None
        self.warm = False
        self.took = MANY  # seconds of a call

    def hello(self) -> dict[str, Any]:
        """Import the library; what it is."""
        try:
            self.library = importlib.import_module(LIBRARIES[self.name])
        except ImportError as wrong:
            return {"error": f"not installed: {wrong}"}
        if self.name == ACCELERATED:
            accelerator = importlib.import_module("gradviz.core.accelerator")
            if not accelerator.used():
                return {"error": f"not installed: {accelerator.STATE}"}
        if self.name == "torch":
            self.library.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        if self.name == "HIPS autograd":
            importlib.import_module("autograd.numpy")
        about = f"{platform.python_implementation()} {platform.python_version()}"
        version = getattr(self.library, "__version__", None) or metadata.version(LIBRARIES[self.name])
        return {"version": version, "python": about, "blas": blas()}

    def build(self, family: str, spec: int, size: str) -> Work:
        it = importlib.import_module(f"benchmarks.{family}").SPECS[spec]
        work: Work = it.make[self.name](self.library, it.sizes[size])
        return work

    def prepare(self, **which: Any) -> dict[str, Any]:
        self.work, self.took = lambda: None, MANY  # what was there goes before more is made
        gc.collect()
        self.work = self.build(**which)
        spent, most = 0.0, COMPILES.get(self.name, SETTLE)
        for _ in range(3):
            said = self.time(1)
            spent += said["seconds"]
            if spent > most:
                break
        return said if said["seconds"] > most else self.time(1)

    def time(self, calls: int, wake: bool = False) -> dict[str, Any]:
        work = self.work
        if wake and self.took < MANY:
            work()
        start = time.perf_counter()
        for _ in range(calls):
            said = work()
        if isinstance(said, Measured):
            return {"seconds": said.seconds}
        self.took = (time.perf_counter() - start) / calls
        return {"seconds": self.took}

    def memory(self, **which: Any) -> dict[str, Any]:
        """Peak of the memory that the work and three calls of it need beyond what the import took, in bytes.

        The largest resident set (VmHWM, set back at the start) without the pages of files, which are the library's
        code as it is first used. The child that is forked for it has run nothing but tiny layers and optimisers, so
        that modules which are imported at first use are not counted. The kernel counts in batches of pages for each
        core: exact to a megabyte or two.
        """
        if not self.warm and LIBRARIES[self.name] in ("gradviz", "torch"):
            exec(WARM, {"t": self.library})
        self.warm = True
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            said = {"error": "the child was ended"}
            with contextlib.suppress(BaseException):
                said = self.peak(**which)
            os.write(into, json.dumps(said).encode())
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text) if text else {"error": "the child was ended"}

    def peak(self, **which: Any) -> dict[str, Any]:
        Path("/proc/self/clear_refs").write_text("5")
        before = status()
        try:
            work = self.build(**which)
            for _ in range(3):
                said = work()
        except Exception as wrong:
            return {"error": type(wrong).__name__}
        if isinstance(said, Measured):
            return {"bytes": said.bytes}
        after = status()
        return {"bytes": max(after["VmHWM"] - after["RssFile"] - before["RssAnon"], 0)}

    def profile(self, seconds: float) -> dict[str, Any]:
        """The functions that took most of the time by themselves: where they are, and the part of the whole."""
        if hasattr(self.work, "profile"):
            return {"profile": self.work.profile()}
        watch = cProfile.Profile()
        end = time.perf_counter() + seconds
        watch.enable()
        while time.perf_counter() < end:
            self.work()
        watch.disable()
        found = pstats.Stats(watch)
        own = sorted(((entry[2], place) for place, entry in found.stats.items()), reverse=True)  # type: ignore[attr-defined]
        whole = sum(spent for spent, _ in own)
        return {"profile": [[readable(*place), spent / whole] for spent, place in own[:6]]}


def readable(file: str, line: int, function: str) -> str:
    """``core/op.py:12 name`` for a function in a file, the name alone for one in C."""
    if file.startswith(("~", "<")):
        return function.replace("<built-in method ", "").replace("<method ", "").strip("<>").split(" of ")[0].strip("'")
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {function}"


def blas() -> str:
    """The library that NumPy's products of matrices come from."""
    import numpy as np

    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"


def status() -> dict[str, int]:
    """This process's memory in bytes, from the kernel."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0][:-1]: int(words[1]) * 1024 for words in lines if words[-1] == "kB"}


if __name__ == "__main__":
    main(sys.argv[1])
