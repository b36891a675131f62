"""A layered layout of any directed graph: boxes that never overlap, edges that flow one way, the same bytes every time.

    edges -> layers.py: a layer for each node -> dummies: long edges become chains -> order.py: few crossings
          -> coordinates.py: balanced positions -> routes along the layers' borders

Sizes are in pixels, nothing is random, nothing is measured and nothing recurses. The layout knows no records.
After Sugiyama, Tagawa and Toda (1981) and Gansner, Koutsofios, North and Vo (1993).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from gradviz.viz.coordinates import Pull, align, place, spread, straighten
from gradviz.viz.layers import Edge, acyclic, longest_path, pull
from gradviz.viz.order import arrange

Point = tuple[float, float]
DUMMIES = 10  # long edges are led through the layers while nodes + dummies stay below this many times the nodes
SLACK = 1e-4  # pull of an edge from something that could stand further back: parameters hang beside a straight trunk


class Layout(NamedTuple):
    """Centres of the boxes, the route of each edge (corner points), the layer of each node and the size of it all."""

    x: list[float]
    y: list[float]
    routes: list[list[Point]]
    layer: list[int]
    width: float
    height: float


class _Part(NamedTuple):
    """One connected part in flow coordinates: `along` grows with the arrows, `across` is the other way."""

    along: list[float]
    across: list[float]
    routes: list[list[Point]]
    layer: list[int]
    length: float
    low: float
    high: float


def half(value: float) -> float:
    """Round to the nearest half pixel, so that files are short and equal on every machine."""
    return int(value * 2 + (0.5 if value >= 0 else -0.5)) / 2


def components(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """The connected parts, each in node order, by their smallest node."""
    root = list(range(count))

    def find(v: int) -> int:
        while root[v] != v:
            root[v] = root[root[v]]
            v = root[v]
        return v

    for a, b in edges:
        ra, rb = find(a), find(b)
        if ra != rb:
            root[max(ra, rb)] = min(ra, rb)
    parts: dict[int, list[int]] = {}
    for v in range(count):
        parts.setdefault(find(v), []).append(v)
    return list(parts.values())


def _chains(edges: Sequence[Edge], layer: list[int], count: int) -> list[list[int]]:
    """The nodes each edge passes: its two ends with new dummies between; straight ([a, b]) when there are too many.

    The shortest edges get theirs first. `layer` grows by the dummies' layers.
    """
    room = (DUMMIES - 1) * count
    chains: list[list[int]] = [[a, b] for a, b in edges]
    spans = sorted((layer[b] - layer[a], i) for i, (a, b) in enumerate(edges) if layer[b] - layer[a] > 1)
    for span, i in spans:
        if span - 1 > room:
            break
        room -= span - 1
        a, b = edges[i]
        chains[i] = [a, *range(len(layer), len(layer) + span - 1), b]
        layer.extend(range(layer[a] + 1, layer[b]))
    return chains


def _layers(
    count: int, edges: Sequence[Edge], team: Sequence[int]
) -> tuple[list[Edge], list[bool], list[int], list[int]]:
    """The edges without loops, which of them point as given, the earliest layer of each node and the chosen one.

    With `team` each team starts on a layer of its own.
    """
    order, forwards = acyclic(count, edges)
    flow = [(a, b) if ahead else (b, a) for (a, b), ahead in zip(edges, forwards, strict=True)]
    proper = [(a, b) for a, b in flow if a != b]
    early = longest_path(order, proper, count)
    if not team:
        return flow, forwards, early, pull(order, proper, early)
    held = [*proper, *_band_edges(proper, team, count)]
    return flow, forwards, early, pull(order, held, longest_path(acyclic(count, held)[0], held, count))


def extent(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    *,
    team: Sequence[int] = (),
    gap: float = 56,
    beside: float = 18,
) -> tuple[float, float]:
    """About how wide a layout will be left to right, and top to bottom, without making it."""
    layer = _layers(len(sizes), edges, team)[3]
    thick: dict[int, float] = {}
    wide: dict[int, float] = {}
    for (w, _), k in zip(sizes, layer, strict=True):
        thick[k] = max(thick.get(k, -gap), w)
        wide[k] = wide.get(k, -beside) + w + beside
    return sum(thick.values()) + gap * (len(thick) - 1), max(wide.values(), default=0.0)


def _part(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    team: Sequence[int],
    gap: float,
    beside: float,
    bands: bool,
) -> _Part:
    """Lay out one connected part; sizes are (along, across)."""
    count = len(sizes)
    flow, forwards, early, layer = _layers(count, edges, team if bands else ())
    chains = _chains(flow, layer, count)
    total = len(layer)
    into: list[list[int]] = [[] for _ in range(total)]
    out: list[list[int]] = [[] for _ in range(total)]
    pull_in: list[Pull] = [[] for _ in range(total)]
    pull_out: list[Pull] = [[] for _ in range(total)]
    teams = [*team, *[-1] * (total - count)] if team else []
    for (a, b), chain in zip(flow, chains, strict=True):
        if a == b:
            continue
        tight = 1.0 if early[b] - early[a] == 1 else SLACK
        through = layer[b] - layer[a] == len(chain) - 1
        if teams and teams[a] == teams[b]:
            for v in chain[1:-1]:
                teams[v] = teams[a]
        for u, v in itertools.pairwise(chain):
            weight = tight * (8.0 if u >= count and v >= count else 2.0 if u >= count or v >= count else 1.0)
            pull_in[v].append((u, weight))
            pull_out[u].append((v, weight))
            if through:
                into[v].append(u)
                out[u].append(v)
    small = total <= 1000
    effort = (
        24 if small else 12 if count <= 350 and total <= 3500 else 8 if total <= 1600 else 4 if total <= 6000 else 2
    )
    layers = arrange(layer[:total], into, out, effort=effort, team=teams)

    wide = [s[1] for s in sizes] + [4.0] * (total - count)
    apart: list[list[float]] = []
    for row in layers:
        gaps = [0.0] * len(row)
        for i in range(1, len(row)):
            u, v = row[i - 1], row[i]
            space = beside if u < count and v < count else beside * 0.6 if u < count or v < count else beside * 0.5
            if teams and teams[u] != teams[v]:
                space += 18
            gaps[i] = (wide[u] + wide[v]) / 2 + space
        apart.append(gaps)
    across = place(layers, apart, pull_in, pull_out, sweeps=6 if small else 4 if total <= 6000 else 2)

    hangs = [False] * total  # branches that only one node uses: they go where it goes
    for v in itertools.chain.from_iterable(layers):
        hangs[v] = len(pull_out[v]) == 1 and all(hangs[u] or not pull_in[u] for u, _ in pull_in[v])
    loose = [pull_out[v] if hangs[v] or not into[v] else [] for v in range(total)]
    align(layers, apart, _trunks(flow, chains, early), loose, across)
    straighten(layers, apart, chains, across)

    thick = [max([sizes[v][0] for v in row if v < count], default=0.0) for row in layers]
    begin: list[float] = []
    run = 0.0
    for t in thick:
        begin.append(run)
        run += t + gap
    along = [begin[layer[v]] + thick[layer[v]] / 2 for v in range(total)]
    across = [half(c) for c in across]
    ports = _ports(flow, chains, sizes, across)
    routes = [
        _route(chain, port, sizes, along, across, begin, thick, layer, count) if a != b else []
        for (a, b), chain, port in zip(flow, chains, ports, strict=True)
    ]
    routes = [r if ahead else r[::-1] for r, ahead in zip(routes, forwards, strict=True)]
    low = min([c - w / 2 for c, w in zip(across, wide, strict=True)], default=0.0)
    high = max([c + w / 2 for c, w in zip(across, wide, strict=True)], default=0.0)
    return _Part(along[:count], across[:count], routes, layer[:count], run - gap, low, high)


def _band_edges(edges: Sequence[Edge], team: Sequence[int], count: int) -> list[Edge]:
    """Order without arrows: what flows into a team comes before all of its sources, so that its frame can be drawn."""
    fed = [False] * count
    for _, b in edges:
        fed[b] = True
    sources: dict[int, list[int]] = {}
    for v in range(count):
        if not fed[v] and team[v] >= 0:
            sources.setdefault(team[v], []).append(v)
    found = {(a, s) for a, b in edges if fed[a] and team[a] != team[b] for s in sources.get(team[b], ())}
    return sorted(found)


def _trunks(edges: Sequence[Edge], chains: Sequence[Sequence[int]], early: Sequence[int]) -> list[list[int]]:
    """Runs of nodes, with their dummies, in which each is the only tight input of the next, and that its only user."""
    inputs = [0] * len(early)
    users = [0] * len(early)
    tight = [(i, a, b) for i, (a, b) in enumerate(edges) if early[b] - early[a] == 1 and early[a]]
    for _, a, b in tight:
        users[a] += 1
        inputs[b] += 1
    follow = {a: chains[i] for i, a, b in tight if inputs[b] == 1 and users[a] == 1}
    inner = {chain[-1] for chain in follow.values()}
    trunks = []
    for start in follow:
        if start not in inner:
            run = [start]
            while run[-1] in follow:
                run.extend(follow[run[-1]][1:])
            trunks.append(run)
    return trunks


def _ports(
    edges: Sequence[Edge],
    chains: Sequence[Sequence[int]],
    sizes: Sequence[tuple[float, float]],
    across: Sequence[float],
) -> list[float]:
    """Where each edge enters its target: straight ahead of where it comes from if it can, else as near as fits."""
    arrivals: dict[int, list[int]] = {}
    for i, (a, b) in enumerate(edges):
        if a != b:
            arrivals.setdefault(b, []).append(i)
    ports = [0.0] * len(edges)
    for v, found in arrivals.items():
        if len(found) == 1:
            ahead = across[chains[found[0]][-2]]
            ports[found[0]] = ahead if abs(ahead - across[v]) <= 6 else across[v]
            continue
        found.sort(key=lambda i: (across[chains[i][-2]], i))
        reach = max(sizes[v][1] / 2 - 14, 0.0)
        step = min(14.0, 2 * reach / (len(found) - 1))
        low, high = across[v] - reach, across[v] + reach
        n = len(found)
        wanted = [
            min(max(across[chains[i][-2]], low + step * k), high - step * (n - 1 - k)) for k, i in enumerate(found)
        ]
        for i, p in zip(found, spread(wanted, [step] * n, [1.0] * n), strict=True):
            ports[i] = half(min(max(p, low), high))
    return ports


def _route(
    chain: Sequence[int],
    port: float,
    sizes: Sequence[tuple[float, float]],
    along: Sequence[float],
    across: Sequence[float],
    begin: Sequence[float],
    thick: Sequence[float],
    layer: Sequence[int],
    count: int,
) -> list[Point]:
    """Corner points from box to box: level inside a layer, free to turn only between two layers."""
    a, b = chain[0], chain[-1]
    points = [(along[a] + sizes[a][0] / 2, across[a]), (begin[layer[a]] + thick[layer[a]], across[a])]
    for v in chain[1:-1]:
        start = begin[layer[v]]
        points += [(start, across[v]), (start + thick[layer[v]], across[v])]
    points += [(begin[layer[b]], port), (along[b] - sizes[b][0] / 2, port)]
    kept = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        if here != kept[-1] and not (before[1] == here[1] == after[1]):
            kept.append(here)
    if points[-1] != kept[-1]:
        kept.append(points[-1])
    return kept


def layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    *,
    direction: str = "lr",
    team: Sequence[int] = (),
    gap: float = 56,
    beside: float = 18,
    margin: float = 16,
    bands: bool = False,
) -> Layout:
    """Place boxes of the given (width, height) and route the edges between them.

    `direction` is "lr" (left to right) or "tb" (top to bottom); `team[v]` >= 0 keeps nodes that share a frame side by
    side, and with `bands` starts them on a layer of their own; `gap` is the room between layers, `beside` between boxes
    of a layer. Coordinates are multiples of 0.5.
    """
    if direction not in ("lr", "tb"):
        raise ValueError(f"direction must be 'lr' or 'tb', got {direction!r}")
    level = direction == "lr"
    count = len(sizes)
    flow_sizes = [s if level else (s[1], s[0]) for s in sizes]
    along = [0.0] * count
    across = [0.0] * count
    layer = [0] * count
    routes: list[list[Point]] = [[] for _ in edges]
    top, longest = margin, 0.0
    parts = components(count, edges)
    number = [0] * count
    mine: list[list[int]] = [[] for _ in parts]
    for k, part in enumerate(parts):
        for v in part:
            number[v] = k
    for i, (a, _) in enumerate(edges):
        mine[number[a]].append(i)
    for part, held in zip(parts, mine, strict=True):
        local = {v: i for i, v in enumerate(part)}
        done = _part(
            [flow_sizes[v] for v in part],
            [(local[edges[i][0]], local[edges[i][1]]) for i in held],
            [team[v] for v in part] if team else (),
            gap,
            beside,
            bands,
        )
        shift = half(top - done.low)
        for v, i in local.items():
            along[v] = half(done.along[i] + margin)
            across[v] = done.across[i] + shift
            layer[v] = done.layer[i]
        for i, route in zip(held, done.routes, strict=True):
            routes[i] = [(half(p + margin), half(q + shift)) for p, q in route]
        top = half(shift + done.high + 2 * beside)
        longest = max(longest, done.length)
    far = half(longest + 2 * margin)
    deep = half(top - 2 * beside + margin) if count else 2 * margin
    if level:
        return Layout(along, across, routes, layer, far, deep)
    return Layout(across, along, [[(q, p) for p, q in r] for r in routes], layer, deep, far)
