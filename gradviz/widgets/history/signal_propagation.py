"""`SignalPropagation`: how large the outputs and the gradients are in each layer of a deep network.

    def signals(depth, gain):
        ...                                  # build the network, run it, loss.backward()
        return outputs, grads                # a tensor for each layer, and its gradient

    SignalPropagation({"relu": signals, "tanh": others}, depth=20, gain=1.0)

Two sliders choose the depth and the gain of the initialisation. With a kernel the network is built and run again for
each place they are put; without one they step through a grid of runs that the picture carries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.measure import clean
from gradviz.widgets.history import signal_svg
from gradviz.widgets.history.signal_runs import LAYERS, Run, Signals, packed, signals_of
from gradviz.widgets.live import LiveView, on_main_thread
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.optim.trajectory import aligned

NETS, STOPS = 6, 16
BYTES = 220_000  # of the packed grid, before it is deflated
DEPTHS = (5, 10, 20, 40)
GAINS = (0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0)
LEVEL = 10.0  # the first gradient and the last differ by less: neither vanishing nor exploding


class SignalPropagation(LiveView):
    """Histograms of every layer's outputs and gradients, on one logarithmic axis of sizes.

    Args:
        nets: ``run(depth, gain)``, which returns two lists, the outputs of all layers from the first to the last and
            their gradients; or several by name, ``{"relu": run, ...}``, up to 6.
        depth, gain: shown first; both must be among the stops.
        depths, gains: the stops of the two sliders, ascending, up to 16 each.
        net: the name of the one that is shown first.
        title: over the picture.

    The random generators are as before after each run, and gradients are on in it.

    Sources: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010);
    S. Schoenholz et al., "Deep Information Propagation" (2017), arXiv:1611.01232.
    """

    view = "signal_propagation"

    def __init__(
        self,
        nets: Run | Mapping[str, Run],
        *,
        depth: int = 20,
        gain: float = 1.0,
        depths: Sequence[int] = DEPTHS,
        gains: Sequence[float] = GAINS,
        net: str | None = None,
        title: str | None = None,
    ) -> None:
        named: Mapping[str, Run] = nets if isinstance(nets, Mapping) else {"": nets}
        if not 1 <= len(named) <= NETS or not all(callable(run) for run in named.values()):
            raise TypeError(
                f"SignalPropagation takes a function run(depth, gain), or a dict of up to {NETS} of them by name; "
                f"got {nets!r:.120}."
            )
        self.runs = list(named.values())
        self.names = [clean(str(name))[:60] for name in named]
        self.depths = [int(v) for v in _stops("depths", depths, lambda v: v == int(v) and 1 <= v <= LAYERS)]
        self.gains = _stops("gains", gains, lambda v: 0 < v < math.inf)
        self.at = (_place("depth", self.depths, depth), _place("gain", self.gains, gain))
        if net is not None and net not in named:
            raise KeyError(f"SignalPropagation: there is no net {net!r}; there are {', '.join(map(repr, named))}")
        self.first = 0 if net is None else list(named).index(net)
        self.title = clean(str(title))[:200] if title else "Signals through a deep network"
        self.grid = [[[self._run(run, d, g) for g in self.gains] for d in self.depths] for run in self.runs]
        size = sum(len(str(packed(one))) for by_depth in self.grid for row in by_depth for one in row)
        if size > BYTES:
            raise ValueError(
                f"SignalPropagation: this grid is {size:,} characters in the page, and {BYTES:,} are the most.\n"
                "Take fewer or smaller depths, fewer gains, or fewer nets."
            )

    @staticmethod
    def _run(run: Run, depth: int, gain: float) -> Signals:
        with undisturbed():
            return signals_of(run, depth, gain)

    @property
    def now(self) -> Signals:
        """The run that is shown first."""
        return self.grid[self.first][self.at[0]][self.at[1]]

    # -- from the page ---------------------------------------------------------------------------------------------
    def hear(self, message: Any, buffers: Any) -> None:
        """The page asks for a depth and a gain that are not in the grid: run that network."""
        net, depth, gain = int(message["net"]), int(message["depth"]), float(message["gain"])
        if not (0 <= net < len(self.runs) and 1 <= depth <= LAYERS and 0 < gain < math.inf):
            raise ValueError(f"there is no such network: net {net}, depth {depth}, gain {gain:g}")

        def answer() -> None:
            try:
                told: dict[str, Any] = {"run": packed(self._run(self.runs[net], depth, gain))}
            except Exception as error:  # the learner's own function failed: the page says so
                told = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
            self.tell({"net": net, "depth": depth, "gain": gain, **told})

        on_main_thread(answer)

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def data(self) -> dict[str, Any]:
        """What the page is given: every run of the grid."""
        return {
            "format": "gradviz.signal_propagation/1",
            "title": self.title,
            "names": self.names,
            "depths": self.depths,
            "gains": self.gains,
            "net": self.first,
            "at": list(self.at),
            "grid": [[[packed(one) for one in row] for row in by_depth] for by_depth in self.grid],
        }

    def to_json(self) -> dict[str, Any]:
        """The settings, and for every run of the grid the scale and the exact counts of each layer."""
        whole = [
            [
                [{kind: [one._asdict() for one in layers] for kind, layers in run._asdict().items()} for run in row]
                for row in rows
            ]
            for rows in self.grid
        ]
        return {**self.data(), "grid": whole}

    def to_svg(self) -> str:
        """The outputs and the gradients of every layer of the first net."""
        return signal_svg.draw(self)

    def to_html(self) -> str:
        """The picture, its table, and the script with the two sliders."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            self.view, self.data(), self.to_svg(), self.to_text(), self.table(), caption="Layers as a table"
        )

    def table(self) -> list[list[str]]:
        """A row for each layer of the run that is shown first."""
        rows = [["layer", "size of its outputs", "exactly 0", "size of their gradients", "exactly 0"]]
        for i, (out, grad) in enumerate(zip(*self.now, strict=True)):
            zeros = [f"{100 * one.zero:.3g}%" for one in (out, grad)]
            rows.append([str(i + 1), f"{out.rms:.4g}", zeros[0], f"{grad.rms:.4g}", zeros[1]])
        return rows

    def heading(self) -> str:
        """The net, its depth and its gain, in a line."""
        name = self.names[self.first]
        depth, gain = self.depths[self.at[0]], self.gains[self.at[1]]
        return f"{name + ', ' if name else ''}depth {depth}, gain {gain:g}"

    def to_text(self) -> str:
        """The text twin: what becomes of the gradient, the layers, and the ratio for the whole grid."""
        lines = [f"{self.title}: {self.heading()}, {verdict(self.now)}", *aligned(self.table())]
        for name, by_depth in zip(self.names, self.grid, strict=True):
            lines.append(f"Gradient at the first layer / at the last{', ' + name if name else ''}:")
            rows = [["depth", *(f"gain {gain:g}" for gain in self.gains)]]
            rows += [
                [str(d), *(f"{one.ratio:.1e}" for one in row)] for d, row in zip(self.depths, by_depth, strict=True)
            ]
            lines += aligned(rows)
        return "\n".join(lines)


def verdict(signals: Signals) -> str:
    """What becomes of the gradient on its way to the first layer."""
    ratio = signals.ratio
    if any(one.bad for layers in signals for one in layers):
        return "numbers that are not finite"
    if not ratio > 0:
        return "no gradient arrives at the first layer"
    word = "vanishing" if ratio < 1 / LEVEL else "exploding" if ratio > LEVEL else "level"
    each = ratio ** (1 / max(1, len(signals.grads) - 1))
    return f"{word}: times {ratio:.2g} from the last layer to the first, {each:.3g} a layer"


def _stops(name: str, values: Sequence[float], fits: Any) -> list[float]:
    """Ascending numbers for a slider."""
    try:
        made = [float(v) for v in values]
    except TypeError:
        raise TypeError(f"SignalPropagation: {name} must be a list of numbers; got {values!r:.80}.") from None
    if not 1 <= len(made) <= STOPS or not all(map(fits, made)) or made != sorted(set(made)):
        limits = f"whole, from 1 to {LAYERS}" if name == "depths" else "above 0"
        raise ValueError(f"SignalPropagation: {name} must be 1 to {STOPS} ascending numbers, {limits}; got {made}.")
    return made


def _place(name: str, stops: Sequence[float], value: float) -> int:
    """Where a value is among the stops; the nearest by less than a hundredth will do."""
    near = min(range(len(stops)), key=lambda i: abs(stops[i] - value))
    if abs(stops[near] - value) > 0.01 * abs(value):
        raise ValueError(f"SignalPropagation: {name}={value!r} is not among {name}s={[*stops]}.")
    return near
