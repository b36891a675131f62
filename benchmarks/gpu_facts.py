"""What `python -m benchmarks.gpu` looks at once: how many launches, losses without a copy, memory.

A fact is what was found, in words, and whether that is as it is to be (None: it is only told).
"""

from __future__ import annotations

from typing import Any

import gradviz

from .cifar_resnet import lenet
from .gpu_works import Make, Sizes, Work, resnet_step

Found = tuple[str, bool | None]


def nodes(work: Work, warm_up: int = 2) -> int:
    """How many kernels, copies and fills a work is as a graph. That it can be captured shows that nothing waits."""
    from gradviz.gpu.drawn import CapturedGraph

    stream = gradviz.cuda.Stream()
    with gradviz.cuda.stream(stream):
        for _ in range(warm_up):
            work()
    graph = gradviz.cuda.CUDAGraph()
    with gradviz.cuda.graph(graph, stream=stream):
        work()
    return len(CapturedGraph(graph.debug_dot()).nodes)


def launches(name: str, options: dict[str, Any], torch: Any, sizes: Sizes) -> Found:
    """Kernels in one step of an optimiser with many tensors."""
    params = [gradviz.rand(10 + i, device="cuda", requires_grad=True) for i in range(sizes.tensors)]
    for p in params:
        p.grad = gradviz.rand_like(p)
    optimizer = getattr(gradviz.optim, name)(params, lr=1e-3, **options)
    optimizer._warned_capturable_if_run_uncaptured = True  # the first steps are not captured
    count = nodes(optimizer.step)
    return f"{count} for {sizes.tensors} tensors", count <= 3


def step_nodes(make: Make, torch: Any, sizes: Sizes) -> Found:
    return f"{nodes(make(gradviz, sizes))} nodes", None


def loss_curve(torch: Any, sizes: Sizes) -> Found:
    """LeNet's losses stay on the GPU, in a captured step, and are copied once; the same training on the CPU beside."""
    curves = {}
    for device in ("cuda", "cpu"):
        gradviz.manual_seed(0)
        net = lenet(gradviz).to(device)
        optimizer = gradviz.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        x, y = (
            t.to(device) for t in (gradviz.rand(sizes.batches[0], 3, 32, 32), gradviz.arange(sizes.batches[0]) % 10)
        )
        curve, place = (
            gradviz.zeros(sizes.steps + 3, device=device),
            gradviz.zeros(1, dtype=gradviz.int64, device=device),
        )
        curves[device] = curve
        count = sizes.steps + 3

        def step(
            net: Any = net, optimizer: Any = optimizer, x: Any = x, y: Any = y, curve: Any = curve, place: Any = place
        ) -> None:
            optimizer.zero_grad(set_to_none=False)
            loss = gradviz.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            curve.index_copy_(0, place, loss.detach().reshape(1))
            place.add_(1)

        if device == "cuda":
            taken = gradviz.cuda.make_graphed_step(step, (), num_warmup_iters=3)
            for _ in range(sizes.steps):
                taken()
        else:
            for _ in range(count):
                step()
    ours, cpu = curves["cuda"].cpu().numpy(), curves["cpu"].numpy()
    first = min(len(ours), 20)
    off = float(abs(ours[:first] - cpu[:first]).max())
    there = f"{ours[0]:.4f} to {ours[-1]:.4f}, on the CPU to {cpu[-1]:.4f}; the first {first} within {off:.1e}"
    return f"{len(ours)} losses, one copy: {there}", off < 5e-3


def memory(torch: Any, sizes: Sizes) -> Found:
    """The most memory that a step takes beside torch's, and that it does not grow."""
    peaks = {}
    for library in (gradviz, *([torch] if torch else [])):
        step = resnet_step(True, library, sizes, engine="cudnn" if gradviz.backends.cudnn.is_available() else "gemm")
        for _ in range(sizes.warm):
            step()
        library.cuda.synchronize()
        library.cuda.reset_peak_memory_stats()
        used = []
        for _ in range(5):
            step()
            library.cuda.synchronize()
            used.append(library.cuda.memory_allocated())
        peaks[library] = library.cuda.max_memory_allocated()
        if library is gradviz:
            steady = len(set(used)) == 1 or sizes.warm < 64
        del step
        library.cuda.empty_cache()
    text = f"{peaks[gradviz] / 2**20:.0f} MiB, {'steady' if steady else f'not steady: {used}'}"
    if not torch:
        return f"{text}; torch has no GPU here", steady and None
    ratio = peaks[gradviz] / peaks[torch]
    return f"{text}; torch {peaks[torch] / 2**20:.0f} MiB, ratio {ratio:.2f}", steady and ratio <= 1.3
