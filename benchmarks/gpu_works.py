"""The works that `python -m benchmarks.gpu` measures, for gradviz and for torch alike.

A work is made for a library, in sizes, and is called again and again. It does not wait for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import gradviz

from .cifar_resnet import lenet, residual_net

Work = Callable[[], Any]
Make = Callable[[Any, "Sizes"], Work]


class Sizes(NamedTuple):
    """How large the works are: as a GPU is to be measured, or so that a CPU can run through all of them."""

    batches: tuple[int, int, int] = (4, 64, 512)
    side: int = 32
    widths: tuple[int, ...] = (64, 128, 256)
    matrix: int = 4096
    channels: int = 64
    numbers: int = 1 << 20
    steps: int = 200
    warm: int = 70  # steps until nothing is kept anew: more than tables of optimisers that are kept
    tensors: int = 161


SMALL = Sizes((2, 2, 2), 12, (2, 4), 16, 2, 64, 3, 3, 5)


# -- single operations -------------------------------------------------------------------------------------------------
def small(library: Any, sizes: Sizes) -> Work:
    a = library.rand(64, 64, device="cuda", requires_grad=True)
    return lambda: (a * a).sum().backward()


def product(dtype: str, library: Any, sizes: Sizes, precision: str = "highest") -> Work:
    """Two square matrices; `precision` holds for this work alone."""
    a = library.rand(sizes.matrix, sizes.matrix, device="cuda").to(getattr(library, dtype))

    def work() -> Any:
        library.set_float32_matmul_precision(precision)
        made = a @ a
        library.set_float32_matmul_precision("highest")
        return made

    return work


def convolution(library: Any, sizes: Sizes, engine: str = "cudnn") -> Work:
    """Forward and backward, 3 x 3, as many channels out as in."""
    n, c, side = sizes.batches[1], sizes.channels, sizes.side
    x = library.rand(n, c, side, side, device="cuda", requires_grad=True)
    w = library.rand(c, c, 3, 3, device="cuda", requires_grad=True)
    using = engine_of(library, engine)

    def work() -> None:
        with using():
            library.nn.functional.conv2d(x, w, padding=1).sum().backward()

    return work


def batch_norm(library: Any, sizes: Sizes, engine: str = "cudnn") -> Work:
    """A training step's, forward and backward: float16 with float32 weights, as autocast has it."""
    n, c, side = sizes.batches[2], sizes.channels, sizes.side
    x = library.rand(n, c, side, side, device="cuda").to(library.float16).requires_grad_()
    norm, using = library.nn.BatchNorm2d(c).to("cuda"), engine_of(library, engine)

    def work() -> None:
        with using():
            norm(x).sum().backward()

    return work


def max_pool(library: Any, sizes: Sizes) -> Work:
    """Windows that overlap, forward and backward."""
    n, c, side = sizes.batches[2], sizes.channels, sizes.side
    x = library.rand(n, c, side, side, device="cuda", requires_grad=True)
    return lambda: library.nn.functional.max_pool2d(x, 3, 2, 1).sum().backward()


def normal_numbers(library: Any, sizes: Sizes) -> Work:
    return lambda: library.randn(sizes.numbers, device="cuda")


# -- training steps ----------------------------------------------------------------------------------------------------
def batch(library: Any, sizes: Sizes, which: int) -> tuple[Any, Any]:
    """Images of CIFAR's shape and their classes."""
    n = sizes.batches[which]
    return library.rand(n, 3, 32, 32, device="cuda"), library.randint(0, 10, (n,), device="cuda")


def lenet_step(which: int, library: Any, sizes: Sizes) -> Work:
    """Forward, backward and SGD with momentum; the loss is not read."""
    library.manual_seed(0)
    net = lenet(library).to("cuda")
    optimizer = library.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, y = batch(library, sizes, which)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = library.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def resnet_step(half: bool, library: Any, sizes: Sizes, engine: str = "cudnn", fused: bool | None = None) -> Work:
    """A residual net on CIFAR's images: forward, backward, SGD; in float16 by autocast and GradScaler if `half`.

    With `fused` SGD itself skips steps whose gradients are not finite, so that nothing has to wait for the answer.
    """
    library.manual_seed(0)
    net = residual_net(library, sizes.widths).to("cuda")
    optimizer = library.optim.SGD(
        net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=fused
    )
    scaler = library.amp.GradScaler("cuda", enabled=half)
    n, side = sizes.batches[2], sizes.side
    x, y = library.rand(n, 3, side, side, device="cuda"), library.randint(0, 10, (n,), device="cuda")
    using = engine_of(library, engine)

    def step() -> Any:
        optimizer.zero_grad()
        with using():
            with library.amp.autocast("cuda", dtype=library.float16, enabled=half):
                loss = library.nn.functional.cross_entropy(net(x), y)
            scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return step


def captured(make: Make) -> Make:
    """The same step as a CUDA graph."""
    return lambda library, sizes: library.cuda.make_graphed_step(make(library, sizes), ())


def engine_of(library: Any, engine: str) -> Callable[[], AbstractContextManager[None]]:
    """With cuDNN, which must be there, or without. torch always has its own."""
    if library is not gradviz:
        return nullcontext
    cudnn = gradviz.backends.cudnn
    if engine == "cudnn" and not cudnn.is_available():
        from gradviz.gpu.cudnn_library import find

        raise RuntimeError(f"cuDNN is not to be had: {find()[1] or 'no GPU'}")
    return partial(cudnn_is, engine == "cudnn")


@contextmanager
def cudnn_is(enabled: bool) -> Iterator[None]:
    before, gradviz.backends.cudnn.enabled = gradviz.backends.cudnn.enabled, enabled
    try:
        yield
    finally:
        gradviz.backends.cudnn.enabled = before
