"""`DeviceCrossover`: the time of some work on the CPU and on a GPU as it grows, and the size from which a GPU pays.

    product = {
        "start": lambda n, device: (torch.matmul, (torch.rand(n, n), torch.rand(n, n))),
        "flop": lambda n: 2 * n**3,
        "copied": lambda n: 3 * 4 * n**2,            # two matrices there, one back
    }
    T4 = {"flops": 8.1e12, "memory": 300e9, "bus": 16e9, "launch": 3.8e-6}  # of its data sheet
    DeviceCrossover({"a @ b": product}, cpu={"flops": 96e9, "memory": 51.2e9}, gpus={"T4": T4})

All lines are computed from these rates, and say so. In JupyterLab a button measures the CPU of this machine, and its
GPU if there is one; what was measured is told to the page, and never kept in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.widgets.device import crossover_svg
from gradviz.widgets.device.crossover_measure import Point, places, points
from gradviz.widgets.device.crossover_model import Cost, cost, crossover, machine_of, sizes, work_of
from gradviz.widgets.live import LiveView, on_main_thread
from gradviz.widgets.optim.trajectory import aligned

MOST = 6  # works, and GPUs


class DeviceCrossover(LiveView):
    """Launch, copy, and work: where the time goes on a GPU, beside the time on the CPU.

    Args:
        works: by name, dicts with ``flop``, ``copied`` and ``touched``, functions of n for the operations and for the
            bytes that are copied there and back and that the device's own memory gives and takes (`copied` if left
            out); ``launches``, how many calls it is; ``most``, the largest n; ``unit``, what n counts;
            ``start(n, device)``, which returns a function and a tuple of tensors on the CPU to call it with, needed
            only for measuring.
        cpu: a dict with ``flops`` (per second) and ``memory`` (bytes per second).
        gpus: by name, such dicts with ``bus`` (bytes per second, one way) and ``launch`` (seconds) too.
        work, gpu: the names of those shown first.
        copies: whether the numbers are copied to the GPU and back every time, or are there and stay there.
        n: where the picture stands first; the middle if not given.
        cpu_name: what the CPU is called.
        title: over the picture.

    Raises ValueError for rates and costs that are no positive numbers, TypeError for what is no dict.

    Sources: the roofline model of Williams, Waterman and Patterson (2009);
    https://docs.pytorch.org/docs/2.13/notes/cuda.html#asynchronous-execution
    """

    view = "device_crossover"

    def __init__(
        self,
        works: Mapping[str, Mapping[str, Any]],
        *,
        cpu: Mapping[str, float],
        gpus: Mapping[str, Mapping[str, float]],
        work: str | None = None,
        gpu: str | None = None,
        copies: bool = True,
        n: int | None = None,
        cpu_name: str = "CPU",
        title: str | None = None,
    ) -> None:
        for what, given in (("works", works), ("gpus", gpus)):
            if not isinstance(given, Mapping) or not 1 <= len(given) <= MOST:
                raise TypeError(f"DeviceCrossover: {what} must be a dict of 1 to {MOST} by name; got {given!r:.80}.")
        self.cpu = machine_of(cpu_name, cpu)
        self.gpus = [machine_of(name, given) for name, given in gpus.items()]
        self.works = [work_of(name, given) for name, given in works.items()]
        self.at = (_place("work", works, work), _place("gpu", gpus, gpu))
        self.copies = bool(copies)
        stops = sizes(self.work.most)
        self.n = stops[len(stops) // 2] if n is None else min(stops, key=lambda one: abs(one - n))
        self.title = clean(str(title))[:200] if title else "When does a GPU pay?"
        self.measured: dict[tuple[int, str], dict[int, float]] = {}
        self._todo: Iterator[Point] | None = None

    @property
    def work(self) -> Any:
        """The work that is shown first."""
        return self.works[self.at[0]]

    @property
    def axis(self) -> str:
        """What n is, in the first work."""
        return f"n, {self.work.unit}" if self.work.unit else "n"

    @property
    def gpu(self) -> Any:
        """The GPU that is shown first."""
        return self.gpus[self.at[1]]

    def seconds(self, n: int, *, gpu: bool = True, copies: bool | None = None) -> Cost:
        """What the first work takes by the published rates, part by part."""
        machine = self.gpu if gpu else self.cpu
        return cost(machine, self.work, n, gpu and (self.copies if copies is None else copies))

    def crossover(self, *, copies: bool | None = None) -> int | None:
        """The n from which on the GPU is faster by the published rates; None: at no n of the picture."""
        return crossover(self.work, self.cpu, self.gpu, self.copies if copies is None else copies)

    # -- from the page ---------------------------------------------------------------------------------------------
    def hear(self, message: Any, buffers: Any) -> None:
        """The page asks what there is, or to measure a work."""
        if "measure" not in message:
            from gradviz.gpu.backend import why_not

            known = [[w, place, n, s] for (w, place), found in self.measured.items() for n, s in found.items()]
            self.tell({"here": places(), "why": why_not(), "points": known})
            return
        which = int(message["measure"])
        if not 0 <= which < len(self.works) or self.works[which].start is None:
            raise ValueError(f"there is no work {which} that can be started")
        on_main_thread(lambda: self._begin(which))

    def _begin(self, which: int) -> None:
        where = places()
        for place in where:
            self.measured.pop((which, place), None)
        self._todo = points(self.works[which], where)
        self._next(which, self._todo)

    def _next(self, which: int, todo: Iterator[Point]) -> None:
        """One point, then the next one in its turn: a cell may run between two."""
        if todo is not self._todo:
            return  # another measurement was begun
        try:
            point = next(todo, None)
        except Exception as error:  # the learner's own function failed: the page says so
            self._todo = None
            self.tell({"done": which, "failed": f"{type(error).__name__}: {str(error)[:300]}"})
            return
        if point is None:
            self._todo = None
            self.tell({"done": which})
            return
        self.measured.setdefault((which, point.place), {})[point.n] = point.seconds
        self.tell({"point": [which, *point]})
        _soon(lambda: self._next(which, todo))

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def data(self) -> dict[str, Any]:
        """What the page is given: costs of every work, rates of every machine, and every crossover."""
        return {
            "format": "gradviz.device_crossover/1",
            "title": self.title,
            "at": [*self.at, int(self.copies)],
            "n": self.n,
            "cpu": _rates(self.cpu),
            "gpus": [_rates(gpu) for gpu in self.gpus],
            "works": [
                {
                    "name": work.name,
                    "unit": work.unit,
                    "launches": work.launches,
                    "can": work.start is not None,
                    "n": sizes(work.most),
                    **{key: [getattr(work, key)(n) for n in sizes(work.most)] for key in ("flop", "copied", "touched")},
                    "from": [[crossover(work, self.cpu, gpu, copies) for copies in (False, True)] for gpu in self.gpus],
                }
                for work in self.works
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """The same as plain data. Nothing that was measured is in it."""
        return self.data()

    def to_html(self) -> str:
        """The picture, its table, and the script that lets work, GPU, copies and n be changed."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            self.view, self.data(), self.to_svg(), self.to_text(), self.table(), caption="Every size as a table"
        )

    def to_svg(self) -> str:
        """Both lines on logarithmic axes, and the parts of the time at one n."""
        return crossover_svg.draw(self)

    def table(self) -> list[list[str]]:
        """A row for each n; times in microseconds, because a table of a notebook must not read as measured."""
        rows = [["n", self.cpu.name, "launch", "copy", "work", self.gpu.name, "faster"]]
        for n in sizes(self.work.most):
            mine, cost = self.seconds(n, gpu=False).total, self.seconds(n)
            parts = [micro(v) for v in (mine, cost.launch, cost.copy, cost.work, cost.total)]
            rows.append([str(n), *parts, self.gpu.name if cost.total < mine else self.cpu.name])
        return rows

    def verdict(self) -> str:
        """From which n on the GPU is faster."""
        found, what = self.crossover(), "copied every time" if self.copies else "kept on the GPU"
        head = f"{self.work.name}, numbers {what}"
        if found is None:
            return f"{head}: {self.gpu.name} is faster at no n up to {self.work.most}"
        return f"{head}: {self.gpu.name} is faster from n = {found} on"

    def to_text(self) -> str:
        """The text twin: the crossover of every combination, and the table of the one that is shown."""
        lines = [f"{self.title} {self.verdict()}", "Computed from published rates; nothing here was measured."]
        rows = [["work", "GPU", "copied every time", "kept on the GPU"]]
        for work, gpu in product(self.works, self.gpus):
            found = [crossover(work, self.cpu, gpu, copies) for copies in (True, False)]
            rows.append([work.name, gpu.name, *("at no n" if n is None else f"from {n}" for n in found)])
        lines += [*aligned(rows, left=2), "In microseconds:", *aligned(self.table())]
        return "\n".join(lines)


def micro(seconds: float) -> str:
    """Microseconds, in four digits."""
    return number(seconds * 1e6, 4)


def _rates(machine: Any) -> dict[str, Any]:
    made = dict(machine._asdict())
    if made["bus"] == float("inf"):
        made["bus"] = None
    return made


def _place(what: str, known: Mapping[str, Any], name: str | None) -> int:
    if name is None:
        return 0
    if name not in known:
        raise KeyError(f"DeviceCrossover: there is no {what} {name!r:.60}; there are {', '.join(map(repr, known))}")
    return list(known).index(name)


def _soon(work: Any) -> None:
    """In a kernel, after what is waiting there; elsewhere at once."""
    import sys

    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    loop = getattr(getattr(shell, "kernel", None), "io_loop", None)
    if loop is None:
        work()
    else:
        loop.add_callback(work)
