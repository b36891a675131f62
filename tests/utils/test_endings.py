"""How worker processes end: killed, late, interrupted, with the program; none is left behind and nothing hangs."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gradviz.utils.data as data
from tests.utils.processes import FORK, MARKS, Rows, helpers, nothing_is_left  # noqa: F401

pytestmark = MARKS
PYTHON = [sys.executable, "-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c"]


@pytest.mark.parametrize(("trouble", "fate"), [("killed", "signal SIGKILL"), ("leaves", "exit code 3")])
@pytest.mark.parametrize("persistent", [False, True])
def test_a_dead_worker_is_noticed(trouble: str, fate: str, persistent: bool) -> None:
    loader = data.DataLoader(Rows(**{trouble: 9}), persistent_workers=persistent, **FORK)
    with pytest.raises(RuntimeError, match=r"^DataLoader worker \(pid\(s\) \d+\) exited unexpectedly\n") as caught:
        list(loader)
    assert "\n" not in str(caught.value)
    assert fate in caught.value.__notes__[0]
    loader.dataset.trouble.clear()
    assert len(list(loader)) == 24, "a new pass has new workers"


@pytest.mark.parametrize("persistent", [False, True])
def test_timeout(persistent: bool) -> None:
    loader = data.DataLoader(Rows(sleeps=2), timeout=0.2, persistent_workers=persistent, **FORK)
    with pytest.raises(RuntimeError, match=r"^DataLoader timed out after 0\.2 seconds\n"):
        list(loader)
    batches = iter(loader)
    next(batches)
    for text in ("timed out", "have ended after an error"):
        with pytest.raises(RuntimeError, match=text):
            list(batches)


SCRIPT = """
import os, signal, sys, threading, time
import gradviz.utils.data as data

class Slow(data.Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        time.sleep(0.02)
        return index

if __name__ == "__main__":
    options = dict(num_workers=2, multiprocessing_context="fork", persistent_workers={})
    loader = data.DataLoader(Slow(), batch_size=20, **options)
    batches = iter(loader)
    next(batches)
    pids = [member.process.pid for member in batches.pool._members]
"""
ENDS = """
    print(*pids, flush=True)
"""
WAITS = """
    try:
        print(*pids, flush=True)
        for batch in batches:
            pass
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    del batches, loader  # it may have come between two batches
    import multiprocessing
    print(multiprocessing.active_children())
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def all_gone(pids: list[int], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(alive, pids))


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("whom", ["program", "group"])
def test_an_interrupt_ends_the_workers(persistent: bool, whom: str) -> None:
    command = [*PYTHON, SCRIPT.format(persistent) + WAITS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        (os.kill if whom == "program" else os.killpg)(program.pid, signal.SIGINT)
        out, errors = program.communicate(timeout=40)
    assert (out.splitlines(), errors, program.returncode) == (["interrupted", "[]"], "", 0)
    assert all_gone(pids)


@pytest.mark.parametrize("ending", ["killed", "ends"])
def test_the_workers_end_with_the_program(ending: str) -> None:
    code = SCRIPT.format(True) + (WAITS if ending == "killed" else ENDS)
    with subprocess.Popen(
        [*PYTHON, code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        if ending == "killed":
            program.kill()
        _, errors = program.communicate(timeout=40)
    assert errors == ""
    assert all_gone(pids)


def test_random_failures() -> None:
    """Whatever happens in a worker, and whenever, the pass ends and its processes with it."""
    draw = random.Random(4)
    for _ in range(int(os.environ.get("GRADVIZ_FAILURES", "12"))):
        trouble = {draw.choice(["raises", "killed", "leaves", "none"]): draw.randrange(24)}
        options = {
            "batch_size": draw.choice([1, 4]),
            "num_workers": draw.choice([1, 2]),
            "prefetch_factor": draw.choice([1, 3]),
            "persistent_workers": draw.random() < 0.5,
        }
        batches = iter(data.DataLoader(Rows(**trouble), multiprocessing_context="fork", **options))
        try:
            for _, _ in zip(range(draw.randrange(24)), batches, strict=False):
                if draw.random() < 0.05:
                    os.kill(batches.pool._members[0].process.pid, draw.choice([signal.SIGKILL, signal.SIGTERM]))
        except (KeyError, RuntimeError) as error:
            assert "DataLoader worker" in str(error)  # noqa: PT017
            del error
        del batches
        assert multiprocessing.active_children() == []


INTERRUPTS = """
import multiprocessing, random, signal, sys, threading, time
import gradviz.utils.data as data

class Slow(data.Dataset):
    def __len__(self):
        return 60
    def __getitem__(self, index):
        time.sleep(0.002)
        return index

def one_pass(draw):
    stop = threading.Timer(draw.uniform(0, 0.15), signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    stop.start()
    try:
        for _ in data.DataLoader(Slow(), 7, num_workers=2, multiprocessing_context=draw.choice(CONTEXTS)):
            pass
        while stop.is_alive():
            stop.join()
        return False
    except KeyboardInterrupt:
        return True

CONTEXTS = ["fork", "fork", None]
draw, interrupted = random.Random(1), 0
for _ in range(int(sys.argv[1])):
    try:
        interrupted += one_pass(draw)
    except KeyboardInterrupt:
        interrupted += 1
end = time.monotonic() + 10
while (multiprocessing.active_children() or threading.active_count() > 1) and time.monotonic() < end:
    time.sleep(0.01)
print(interrupted > 0, multiprocessing.active_children(), threading.active_count())
"""


def test_random_interrupts() -> None:
    """An interrupt anywhere, also while workers are started or ended, leaves none behind."""
    command = [sys.executable, "-c", INTERRUPTS, os.environ.get("GRADVIZ_FAILURES", "12")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout == "True [] 1\n", done.stderr
