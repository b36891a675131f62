"""The table of `python -m benchmarks.gpu`: what is measured, and the figure that each row is to reach."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .gpu_facts import Found, launches, loss_curve, memory, step_nodes
from .gpu_works import (
    Make,
    Sizes,
    batch_norm,
    captured,
    convolution,
    lenet_step,
    max_pool,
    normal_numbers,
    product,
    resnet_step,
    small,
)  # fmt: skip


class Row(NamedTuple):
    """A line of the table: ours divided by torch's time is to be at most `goal`."""

    name: str
    ours: Make
    torch: Make | None = None  # torch's, if not the same
    goal: float | None = None


class Fact(NamedTuple):
    """A line that is no ratio of times: what is found, and whether that is as it is to be (None: only told)."""

    name: str
    look: Callable[[Any, Sizes], Found]
    wanted: str = ""


LENETS = [partial(lenet_step, which) for which in range(3)]
HALF, SINGLE, FUSED = partial(resnet_step, True), partial(resnet_step, False), partial(resnet_step, True, fused=True)
GEMM: dict[str, Any] = {"engine": "gemm"}
COUNTED = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adadelta", "ASGD", "Rprop")
OPTIMISERS: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, **{n: {"capturable": True} for n in COUNTED}}
# The figures that are asked for come first, so that a run whose time is up has them.
FIGURES: list[Row | Fact] = [
    Row("LeNet step, batch 4", LENETS[0], goal=2.0),
    Row("LeNet step, batch 4, captured, beside torch's eager", captured(LENETS[0]), LENETS[0], goal=0.6),
    Row("LeNet step, batch 64", LENETS[1], goal=2.0),
    Row("LeNet step, batch 64, captured, beside torch's eager", captured(LENETS[1]), LENETS[1], goal=0.6),
    Row("CIFAR ResNet step, float16, batch 512, cuDNN", HALF, goal=1.5),
    Row("CIFAR ResNet step, float16, batch 512, gemm, beside torch's cuDNN", partial(HALF, **GEMM), HALF, goal=5.0),
    *(
        Fact(f"launches of a step of {name}", partial(launches, name, options), "at most 3")
        for name, options in OPTIMISERS.items()
    ),
    Fact("loss curve of a captured LeNet without a copy", loss_curve, "as on the CPU"),
    Fact("peak memory of the ResNet step", memory, "steady, at most 1.3 x torch's"),
]
MORE: list[Row | Fact] = [
    Row("LeNet step, batch 512", LENETS[2]),
    Fact("a captured LeNet step", partial(step_nodes, LENETS[0])),
    Row("CIFAR ResNet step, float32, batch 512, cuDNN", SINGLE),
    Row("CIFAR ResNet step, float16, batch 512, captured, beside torch's eager", captured(FUSED), FUSED),
    Row("conv 3x3 64->64, 32 x 32, batch 64, forward + backward, cuDNN", convolution),
    Row("the same, gemm, beside torch's cuDNN", partial(convolution, **GEMM), convolution),
    Row("batch norm, 64 channels, 32 x 32, batch 512, float16, forward + backward, cuDNN", batch_norm),
    Row("the same, our kernels, beside torch's cuDNN", partial(batch_norm, engine="kernels"), batch_norm),
    Row("max pool 3x3, stride 2, 64 channels, 32 x 32, batch 512, forward + backward", max_pool),
    Row("4096 x 4096 matrix product, float32", partial(product, "float32")),
    Row("4096 x 4096 matrix product, TF32", partial(product, "float32", precision="high")),
    Row("4096 x 4096 matrix product, float16", partial(product, "float16")),
    Row("4096 x 4096 matrix product, bfloat16", partial(product, "bfloat16")),
    Row("64 x 64 product by elements, forward + backward", small),
    Row("2**20 normal numbers", normal_numbers),
]
ROWS = [*FIGURES, *MORE]
