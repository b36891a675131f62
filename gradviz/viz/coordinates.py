"""Where nodes stand across the flow: each layer solves a small least-squares problem that keeps its boxes apart."""

from __future__ import annotations

from collections.abc import Sequence

Pull = list[tuple[int, float]]


def spread(wanted: Sequence[float], apart: Sequence[float], weight: Sequence[float]) -> list[float]:
    """The positions closest to `wanted` that keep `apart[i]` between i - 1 and i (weighted isotonic regression).

    Pool adjacent violators: neighbours that would overlap merge into a block which moves to its weighted mean.
    """
    level: list[float] = []
    mass: list[float] = []
    length: list[int] = []
    offset = 0.0
    offsets: list[float] = []
    for i, w in enumerate(wanted):
        if i:
            offset += apart[i]
        offsets.append(offset)
        mean, m, n = w - offset, weight[i], 1
        while level and level[-1] > mean:
            other = mass.pop()
            mean = (mean * m + level.pop() * other) / (m + other)
            m += other
            n += length.pop()
        level.append(mean)
        mass.append(m)
        length.append(n)
    out: list[float] = []
    for mean, n in zip(level, length, strict=True):
        out.extend([mean] * n)
    return [p + o for p, o in zip(out, offsets, strict=True)]


def _relax(
    layers: Sequence[Sequence[int]],
    apart: Sequence[Sequence[float]],
    pulls: Sequence[Pull],
    mass: Sequence[float],
    at: list[float],
) -> None:
    """Move each layer once towards the weighted mean of the neighbours in `pulls`."""
    for layer, gaps in zip(layers, apart, strict=True):
        wanted = []
        weight = []
        for v in layer:
            m = mass[v]
            if m:
                total = 0.0
                for u, w in pulls[v]:
                    total += at[u] * w
                wanted.append(total / m)
                weight.append(m)
            else:
                wanted.append(at[v])
                weight.append(1e-7)
        if len(layer) == 1:
            at[layer[0]] = wanted[0]
        else:
            for v, p in zip(layer, spread(wanted, gaps, weight), strict=True):
                at[v] = p


def place(
    layers: Sequence[Sequence[int]],
    apart: Sequence[Sequence[float]],
    into: Sequence[Pull],
    out: Sequence[Pull],
    *,
    sweeps: int = 5,
) -> list[float]:
    """The centre of every node across the flow, the smallest side at whatever comes out.

    `apart[k][i]` is the least distance between the centres of nodes i - 1 and i of layer k; `into` and `out` give
    (neighbour, weight). Sweeps with the flow and against it carry positions through the whole graph, the last
    rounds weigh both sides together.
    """
    count = len(into)
    at = [0.0] * count
    for layer, gaps in zip(layers, apart, strict=True):
        run = 0.0
        for i, v in enumerate(layer):
            run += gaps[i] if i else 0.0
            at[v] = run
        for v in layer:
            at[v] -= run / 2
    down = [sum([w for _, w in pull]) for pull in into]
    up = [sum([w for _, w in pull]) for pull in out]
    both: list[Pull] = [[*a, *b] for a, b in zip(into, out, strict=True)]
    total = [a + b for a, b in zip(down, up, strict=True)]
    back_layers, back_apart = layers[::-1], apart[::-1]
    for _ in range(sweeps):
        _relax(layers, apart, into, down, at)
        _relax(back_layers, back_apart, out, up, at)
    for _ in range(max(2, sweeps - 2)):
        _relax(layers, apart, both, total, at)
        _relax(back_layers, back_apart, both, total, at)
    return at


def align(
    layers: Sequence[Sequence[int]],
    apart: Sequence[Sequence[float]],
    trunks: Sequence[Sequence[int]],
    loose: Sequence[Pull],
    at: list[float],
) -> None:
    """Straighten trunks (runs of nodes that only lead to one another); `loose` nodes with users follow these.

    Each trunk goes to its mean, layers make room, and again; a node with an empty `loose` entry resists lightly.
    """
    mass = [1e-3 if pull else 0.1 for pull in loose]
    for trunk in trunks:
        for v in trunk:
            mass[v] = 1.0
    for _ in range(3):
        for trunk in trunks:
            mean = sum([at[v] for v in trunk]) / len(trunk)
            for v in trunk:
                at[v] = mean
        for layer, gaps in zip(reversed(layers), reversed(apart), strict=True):
            wanted = []
            for v in layer:
                pull = loose[v] if mass[v] < 1 else ()
                wanted.append(sum([at[u] * w for u, w in pull]) / sum([w for _, w in pull]) if pull else at[v])
            for v, p in zip(layer, spread(wanted, gaps, [mass[v] for v in layer]), strict=True):
                at[v] = p


def straighten(
    layers: Sequence[Sequence[int]], apart: Sequence[Sequence[float]], chains: Sequence[Sequence[int]], at: list[float]
) -> None:
    """Lead long edges through as few straight stretches as the boxes leave room for, without moving a box.

    Each inner node of a chain may move between its neighbours in the layer; stretches grow while those ranges meet.
    """
    long = [chain for chain in chains if len(chain) > 2]
    if not long:
        return
    before: dict[int, tuple[int, float]] = {}
    after: dict[int, tuple[int, float]] = {}
    for layer, gaps in zip(layers, apart, strict=True):
        for i in range(1, len(layer)):
            before[layer[i]] = (layer[i - 1], gaps[i])
            after[layer[i - 1]] = (layer[i], gaps[i])
    for chain in long:
        run: list[int] = []
        low, high = float("-inf"), float("inf")
        goal = at[chain[0]]
        for v in chain[1:-1]:
            u, gap = before.get(v, (-1, 0.0))
            least = at[u] + gap if u >= 0 else float("-inf")
            u, gap = after.get(v, (-1, 0.0))
            most = at[u] - gap if u >= 0 else float("inf")
            if max(low, least) > min(high, most):
                _level(run, low, high, goal, at)
                goal = at[run[-1]] if run else goal
                run, low, high = [], float("-inf"), float("inf")
            run.append(v)
            low, high = max(low, least), min(high, most)
        _level(run, low, high, goal if low <= goal <= high else at[chain[-1]], at)


def _level(run: Sequence[int], low: float, high: float, goal: float, at: list[float]) -> None:
    """Put a whole stretch at the allowed position nearest to `goal`."""
    for v in run:
        at[v] = min(max(goal, low), high)
