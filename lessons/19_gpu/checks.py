"""Checks of lesson 19: a crossover found by halving, and functions that run on a device played by the CPU."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.core.device import CPU, Device
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, close

# -- 19.1 --------------------------------------------------------------------------------------------------------------
ENOUGH = 1000  # questions; halving a billion takes 60
CASES = (
    (73, 4096),
    (1, 1000),
    (2, 3),
    (1000, 1000),
    (None, 50),
    (None, 1),
    (1, 1),
    (123_456_789, 2**30),
    (None, 2**30),
)


class Curve:
    """A time as a function of n that counts how often it is asked, and for what."""

    def __init__(self, overhead: float, each: float, most: int) -> None:
        self.overhead, self.each, self.most = overhead, each, most
        self.asked, self.outside = 0, None

    def __call__(self, n: Any) -> float:
        self.asked += 1
        if self.asked > ENOUGH:
            raise RuntimeError("asked too often")
        if not isinstance(n, int) or not 1 <= n <= self.most:
            self.outside = n
        return self.overhead + self.each * n


@exercise(
    "19.1",
    "Find the crossover",
    hints=[
        "First ask at `most`: if the GPU is not faster there, it is nowhere.",
        "Keep an n at which the CPU wins and one at which the GPU wins. Which of the two does their middle replace?",
    ],
)
def find_crossover(answer: Any) -> str:
    """Crossovers at both ends, in the middle, nowhere, and with a billion sizes; an exact tie is not faster."""
    for want, most in CASES:
        cpu = Curve(0, 1, most)
        gpu = Curve(*((want - 1, 0) if want else (most, 1)), most)  # from n = want - 1 on equal, then faster
        found: Any = None
        try:
            found = attempt(answer, cpu, gpu, most)
        except Wrong:
            if max(cpu.asked, gpu.asked) > ENOUGH:
                raise Wrong(f"With {most:,} sizes it still asks after {ENOUGH:,} times. Halve the range.") from None
            raise
        if found is ...:
            raise Unfinished("`crossover` returns nothing yet.")
        shown = f"With most = {most:,}"
        outside = next((curve.outside for curve in (cpu, gpu) if curve.outside is not None), None)
        if outside is not None:
            raise Wrong(f"{shown}: it asks for n = {outside!r:.40}, which is not a whole number from 1 to most.")
        if found is None and want is None:
            continue
        if want is None:
            raise Wrong(f"{shown}: the GPU is never faster, so there is no such n.")
        if found is None:
            raise Wrong(f"{shown}: there is an n at which the GPU is faster, and it was not found.")
        if isinstance(found, bool) or not isinstance(found, int):
            raise Wrong(f"Return an int or None; it is a {type(found).__name__}.")
        if not 1 <= found <= most:
            raise Wrong(f"{shown}: {found} is not between 1 and most.")
        if found == want - 1:
            raise Wrong(f"{shown}: at the n you return, both take the same time. Equal is not faster.")
        if found != want:
            where = "the CPU is still faster there" if found < want else "a smaller one will do"
            raise Wrong(f"{shown}: {found:,} is not the smallest n: {where}.")
    return "Found at both ends, in the middle and nowhere, and a billion sizes took some sixty questions."


# -- a GPU that is played ----------------------------------------------------------------------------------------------
class Played:
    """What happened on the played GPU: how often the host had to wait, and how many tensors were brought back."""

    waits = 0


@cache
def played() -> Device:
    """A device called cuda:0 whose arrays are NumPy's. It is known to nobody else, and computes on the CPU."""

    def to_numpy(array: Any) -> Any:
        Played.waits += 1
        return array

    def carry(array: Any, source: Device, target: Device, non_blocking: bool) -> Any:
        Played.waits += target is CPU
        return np.array(array)

    return Device("cuda", 0, np, to_numpy=to_numpy, carry=carry)


def on_played(values: Any) -> Any:
    """These numbers on the played GPU."""
    return torch.tensor(values, device=played())


def explained(wrong: Wrong) -> Wrong:
    """What an error on the played GPU means."""
    text = str(wrong)
    if "same device" in text:
        return Wrong("A tensor made on the CPU meets one on the GPU: say on which device the new one is to be.")
    if "not compiled with CUDA" in text:
        return Wrong("It asks for a GPU by name, and this machine has none. Ask the tensor instead.")
    return wrong


@exercise(
    "19.2",
    "Wait once",
    hints=[
        "Which of your lines turns a tensor into a number? It may stand there once, after the loop.",
        "Collect the losses as tensors, and make one number of them at the end.",
    ],
)
def wait_once(answer: Any) -> str:
    """Losses on the played GPU; every number that is looked at is a wait."""
    for count in (5, 12, 1):
        batches = [(on_played([float(k), k + 1.0]), on_played([k % 2])) for k in range(count)]
        seen: list[Any] = []

        def step(x: Any, y: Any, seen: list[Any] = seen) -> Any:
            weight = torch.ones((), device=x.device, requires_grad=True)
            seen.append(float(x._array.mean()))
            return (weight * x).mean()

        Played.waits = 0
        try:
            found = attempt(answer, step, iter(batches))
        except Wrong as wrong:
            raise explained(wrong) from None
        waits = Played.waits
        if found is None or found is ...:
            raise Unfinished("`mean_loss` returns nothing yet.")
        if len(seen) != count:
            raise Wrong(f"With {count} batches `step` was called {len(seen)} times.")
        if isinstance(found, torch.Tensor):
            raise Wrong("Return a float: a tensor is still on the GPU, and whoever prints it will wait.")
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise Wrong(f"Return a float; it is a {type(found).__name__}.")
        if close(found, sum(seen)) and count > 1:
            raise Wrong("That is the sum of the losses, not their mean.")
        if close(found, seen[-1]) and count > 1:
            raise Wrong("That is the loss of the last batch alone.")
        if not close(found, sum(seen) / count):
            raise Wrong(f"With {count} batches the mean loss is off.")
        if waits != 1:
            raise Wrong(f"With {count} batches the program waited for the GPU {waits} times.")
    return "The right mean, and one wait however many batches there are."


@exercise(
    "19.3",
    "At home on any device",
    hints=[
        "`torch.arange` has an argument that says where. Who knows where `x` is?",
        "`x.device` and `x.dtype` can be handed on.",
    ],
)
def any_device(answer: Any) -> str:
    """Vectors and matrices, on the CPU and on the played GPU, in two types."""
    for device in (CPU, played()):
        for shape, dtype in (((3,), torch.float32), ((2, 4), torch.float64), ((2, 3, 5), torch.float32)):
            x = torch.ones(shape, dtype=dtype, device=device)
            want = np.ones(shape) + np.arange(shape[-1])
            Played.waits = 0
            try:
                found = attempt(answer, x)
            except Wrong as wrong:
                raise explained(wrong) from None
            if found is None or found is ...:
                raise Unfinished("`add_positions` returns nothing yet.")
            where = f"For a tensor of shape {tuple(shape)} on {device}"
            if not isinstance(found, torch.Tensor):
                raise Wrong(f"{where}: return a tensor; it is a {type(found).__name__}.")
            if found.device != x.device:
                raise Wrong(f"{where}: the result is on {found.device}.")
            if tuple(found.shape) != shape:
                raise Wrong(f"{where}: the result has the shape {tuple(found.shape)}.")
            if found.dtype != dtype:
                raise Wrong(f"{where}: x is {dtype}, the result is {found.dtype}.")
            if not np.array_equal(x._array, np.ones(shape)):
                raise Wrong(f"{where}: `x` itself was changed.")
            if not np.allclose(found._array, want):
                raise Wrong(f"{where}: the numbers are off. Along the last dimension 0, 1, 2, ... are added.")
            if Played.waits:
                raise Wrong(f"{where}: right, but the numbers travel to the CPU and back.")
    return "The same numbers on both devices, and nothing travels."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def every(cpu: Any, gpu: Any, most: int) -> Any:
        return next((n for n in range(1, most + 1) if gpu(n) < cpu(n)), None)

    def halving(first: int, equal: bool, end: bool = True) -> Any:
        def search(cpu: Any, gpu: Any, most: int) -> Any:
            if end and gpu(most) >= cpu(most):
                return None
            low, high = first, most
            while high - low > 1:
                middle = (low + high) // 2
                wins = gpu(middle) <= cpu(middle) if equal else gpu(middle) < cpu(middle)
                low, high = (low, middle) if wins else (middle, high)
            return high

        return search

    def doubling(cpu: Any, gpu: Any, most: int) -> Any:
        n = 1
        while n <= most and gpu(n) >= cpu(n):
            n *= 2
        return n if n <= most else None

    def added(step: Any, batches: Any) -> Any:
        return sum(step(x, y).detach() for x, y in batches).item()

    def on_cpu(step: Any, batches: Any) -> Any:
        total, count = torch.zeros(()), 0
        for x, y in batches:
            total, count = total + step(x, y).detach(), count + 1
        return (total / count).item()

    def last(step: Any, batches: Any) -> Any:
        for x, y in batches:
            loss = step(x, y)
        return loss.item()

    def each(step: Any, batches: Any) -> Any:
        losses = [step(x, y).item() for x, y in batches]
        return sum(losses) / len(losses)

    def in_place(x: Any) -> Any:
        return x.add_(torch.arange(x.shape[-1], device=x.device))

    return {
        "19.1": [
            every,
            halving(1, False),
            halving(0, True),
            halving(0, False, end=False),
            doubling,
            lambda cpu, gpu, most: most,
            lambda cpu, gpu, most: 73,
            lambda cpu, gpu, most: gpu(0) < cpu(0) or None,
            math.inf,
        ],
        "19.2": [
            each,
            added,
            last,
            on_cpu,
            lambda step, batches: torch.stack([step(x, y) for x, y in batches]).mean(),
            lambda step, batches: torch.stack([step(x, y).cpu() for x, y in batches]).mean().item(),
            lambda step, batches: 0.0,
            3.0,
        ],
        "19.3": [
            lambda x: x + torch.arange(x.shape[-1]),
            lambda x: x + torch.arange(x.shape[-1], device="cuda"),
            lambda x: (x.cpu() + torch.arange(x.shape[-1])).to(x.device),
            lambda x: x.cpu() + torch.arange(x.shape[-1]),
            lambda x: x + torch.arange(x.shape[0], device=x.device),
            lambda x: x + torch.arange(x.shape[-1], device=x.device, dtype=torch.float64),
            lambda x: x + torch.arange(1, x.shape[-1] + 1, device=x.device),
            in_place,
            [1.0],
        ],
    }
