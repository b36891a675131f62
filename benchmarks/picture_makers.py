"""Who draws: `python -m benchmarks.picture_makers MAKER GRAPH` draws once and prints its seconds and bytes as JSON.

Each runs in a process of its own, so that one that takes for ever can be ended and none warms another up. The clock
starts after the imports, with the module and its input made: what is timed is what a notebook cell would wait for.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.picture_graphs import GRAPHS


def gradviz_graph(net: Any, given: tuple[Any, ...]) -> int:
    """The output of GraphView, whole."""
    from gradviz.widgets import GraphView

    return len(GraphView(net, *given).to_html())


def gradviz_stepper(net: Any, given: tuple[Any, ...]) -> int:
    """The output of BackpropStepper, whole: forward, backward and every number on the way."""
    from gradviz.widgets import BackpropStepper

    return len(BackpropStepper(lambda: net(*given).sum()).to_html())


def gradviz_summary(net: Any, given: tuple[Any, ...]) -> int:
    """torchinfo's table by gradviz."""
    from gradviz.viz.summary_info import summary

    return len(str(summary(net, input_data=list(given), verbose=0)))


def torchviz(net: Any, given: tuple[Any, ...]) -> int:
    """torchviz's graph, drawn by dot."""
    from torchviz import make_dot

    return len(make_dot(net(*given).sum(), params=dict(net.named_parameters())).pipe(format="svg"))


def torchview(net: Any, given: tuple[Any, ...]) -> int:
    """torchview's graph, drawn by dot."""
    from torchview import draw_graph

    return len(draw_graph(net, input_data=given, depth=10).visual_graph.pipe(format="svg"))


def torchlens(net: Any, given: tuple[Any, ...]) -> int:
    """TorchLens: trace, then draw."""
    import torchlens as tl

    with tempfile.TemporaryDirectory() as folder:
        trace = tl.trace(net, list(given))
        trace.draw(vis_outpath=str(Path(folder) / "g"), vis_fileformat="svg", vis_save_only=True)
        return sum(file.stat().st_size for file in Path(folder).iterdir() if file.suffix == ".svg")


def torchinfo(net: Any, given: tuple[Any, ...]) -> int:
    """torchinfo's table."""
    from torchinfo import summary

    return len(str(summary(net, input_data=list(given), verbose=0)))


def tensorboard(net: Any, given: tuple[Any, ...]) -> int:
    """SummaryWriter.add_graph: the event file (the drawing is then done by the browser)."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder)
        writer.add_graph(net, given)
        writer.close()
        return sum(file.stat().st_size for file in Path(folder).iterdir())


MAKERS: dict[str, Callable[[Any, tuple[Any, ...]], int]] = {
    "gradviz GraphView": gradviz_graph,
    "gradviz BackpropStepper": gradviz_stepper,
    "gradviz summary": gradviz_summary,
    "torchviz + dot": torchviz,
    "torchview + dot": torchview,
    "TorchLens": torchlens,
    "torchinfo": torchinfo,
    "TensorBoard add_graph": tensorboard,
}


def main(maker: str, graph: str) -> None:
    import importlib

    torch = importlib.import_module("gradviz" if maker.startswith("gradviz") else "torch")
    module = {"torchviz + dot": "torchviz", "torchview + dot": "torchview", "TorchLens": "torchlens"}.get(maker)
    if module or maker == "torchinfo":
        importlib.import_module(module or maker)
    elif maker.startswith("gradviz"):
        importlib.import_module("gradviz.widgets")
        importlib.import_module("gradviz.viz.summary_info")
    else:
        importlib.import_module("torch.utils.tensorboard")
    net, given = GRAPHS[graph](torch)
    start = time.perf_counter()
    size = MAKERS[maker](net, given)
    print(json.dumps({"seconds": time.perf_counter() - start, "bytes": size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
