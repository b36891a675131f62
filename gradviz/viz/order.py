"""The order of nodes inside each layer: sweeps that sort by neighbours, then swaps, until few edges cross."""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Sequence

Layers = list[list[int]]
Neighbours = Sequence[Sequence[int]]


def walk_order(count: int, into: Neighbours, out: Neighbours) -> list[int]:
    """Number the nodes by a depth-first walk from the ends against the arrows: trees come out without crossings."""
    number = [-1] * count
    n = 0
    starts = [v for v in range(count) if not out[v]] + list(range(count))
    for start in starts:
        stack = [start]
        while stack:
            v = stack.pop()
            if number[v] < 0:
                number[v] = n
                n += 1
                stack.extend(u for u in reversed(into[v]) if number[u] < 0)
    return number


def wave_order(count: int, into: Neighbours, out: Neighbours) -> list[int]:
    """Number the nodes breadth first from the ends against the arrows."""
    number = [-1] * count
    n = 0
    queue = [v for v in range(count) if not out[v]] + list(range(count))
    for v in queue:
        if number[v] < 0:
            number[v] = n
            n += 1
            wave = [v]
            for w in wave:
                for u in into[w]:
                    if number[u] < 0:
                        number[u] = n
                        n += 1
                        wave.append(u)
    return number


def _shuffled(near: Neighbours, seed: int) -> Neighbours:
    """The same neighbours in another order, by a fixed sequence of numbers: more places to start from."""
    state = seed * 2 + 1
    out = []
    for ends in near:
        mixed = list(ends)
        for i in range(len(mixed) - 1, 0, -1):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            j = (state >> 8) % (i + 1)
            mixed[i], mixed[j] = mixed[j], mixed[i]
        out.append(mixed)
    return out


def crossings(layers: Layers, into: Neighbours) -> int:
    """How many pairs of edges cross, counting each gap between two layers by its inversions."""
    total = 0
    for above, layer in itertools.pairwise(layers):
        if len(above) < 2 or len(layer) < 2:
            continue
        place = {v: i for i, v in enumerate(above)}
        seen: list[int] = []
        for v in layer:
            ends = [place[u] for u in into[v]]
            for end in ends:
                total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
    return total


def _sweep(
    layers: Layers,
    near: Neighbours,
    place: list[int],
    backwards: bool,
    use_median: bool,
    flip: bool,
    team: Sequence[int],
) -> None:
    """Sort every layer by where its neighbours in the layer before stand; teams (frames) stay together.

    Nodes with no neighbour there keep their slots. `flip` reverses ties, which gets sweeps out of ruts.
    """
    for layer in reversed(layers) if backwards else layers:
        if len(layer) < 2:
            continue
        if flip:
            layer.reverse()
        key: dict[int, float] = {}
        for v in layer:
            ends = near[v]
            n = len(ends)
            if n == 1:
                key[v] = place[ends[0]]
            elif not n:
                continue
            elif use_median:
                spots = sorted([place[u] for u in ends])
                middle = n >> 1
                key[v] = spots[middle] if n & 1 else (spots[middle - 1] + spots[middle]) / 2
            else:
                key[v] = sum([place[u] for u in ends]) / n
        ordered = sorted(key, key=key.__getitem__)
        if len(ordered) < len(layer):
            moving = iter(ordered)
            if flip:
                layer.reverse()
            ordered = [next(moving) if v in key else v for v in layer]
        if team:
            first: dict[int, list[int]] = {}
            for i, v in enumerate(ordered):
                first.setdefault(team[v] if team[v] >= 0 else -2 - v, []).append(i)
            mean = {t: sum(spots) / len(spots) for t, spots in first.items()}
            ordered.sort(key=lambda v: mean[team[v] if team[v] >= 0 else -2 - v])
        layer[:] = ordered
        for i, v in enumerate(layer):
            place[v] = i


def _saved(a: Sequence[int], b: Sequence[int], place: list[int]) -> int:
    """Crossings saved by swapping neighbours: those of (a left of b) less those of (b left of a)."""
    if not a or not b:
        return 0
    saved = 0
    ends = [place[u] for u in b]
    for u in a:
        p = place[u]
        for q in ends:
            if p > q:
                saved += 1
            elif p < q:
                saved -= 1
    return saved


def _transpose(
    layers: Layers, into: Neighbours, out: Neighbours, place: list[int], rounds: int, least: int, team: Sequence[int]
) -> None:
    """Swap adjacent nodes wherever that removes `least` crossings or more, again and again until nothing moves."""
    dirty = [True] * len(layers)
    for _ in range(rounds):
        improved = False
        for i, layer in enumerate(layers):
            if not dirty[i]:
                continue
            dirty[i] = False
            for j in range(len(layer) - 1):
                a, b = layer[j], layer[j + 1]
                if team and team[a] != team[b]:
                    continue
                if _saved(into[a], into[b], place) + _saved(out[a], out[b], place) >= least:
                    layer[j], layer[j + 1] = b, a
                    place[a], place[b] = j + 1, j
                    improved = dirty[i] = True
                    if i:
                        dirty[i - 1] = True
                    if i + 1 < len(layers):
                        dirty[i + 1] = True
        if not improved:
            return


def _sift(layers: Layers, into: Neighbours, out: Neighbours, place: list[int], team: Sequence[int]) -> bool:
    """Try every node at every place of its layer and leave it at the best; true if anything improved."""
    improved = False
    for layer in layers:
        if len(layer) < 3:
            continue
        for v in layer[:]:
            i = place[v]
            best, spot = 0, i
            for step in (1, -1):
                j, saved = i + step, 0
                while 0 <= j < len(layer):
                    u = layer[j]
                    if team and team[u] != team[v]:
                        break
                    pair = _saved(into[v], into[u], place) + _saved(out[v], out[u], place)
                    saved += pair if step > 0 else -pair
                    if saved > best:
                        best, spot = saved, j
                    j += step
            if spot != i:
                layer.insert(spot, layer.pop(i))
                for k in range(min(i, spot), max(i, spot) + 1):
                    place[layer[k]] = k
                improved = True
    return improved


def _start(layer_of: Sequence[int], number: Sequence[int], place: list[int], team: Sequence[int]) -> Layers:
    """Layers filled in the order of `number`, each team gathered where its first node stands."""
    layers: Layers = [[] for _ in range(max(layer_of) + 1)]
    for v in sorted(range(len(layer_of)), key=number.__getitem__):
        layers[layer_of[v]].append(v)
    for layer in layers:
        if team:
            first: dict[int, int] = {}
            for i, v in enumerate(layer):
                place[v] = first.setdefault(team[v], i) if team[v] >= 0 else i
            layer.sort(key=place.__getitem__)
        for i, v in enumerate(layer):
            place[v] = i
    return layers


def arrange(
    layer_of: Sequence[int], into: Neighbours, out: Neighbours, *, effort: int = 12, team: Sequence[int] = ()
) -> Layers:
    """Order the nodes of each layer; `effort` is the number of down-and-up sweeps, `team[v]` keeps frames together.

    `into` and `out` join adjacent layers only. Equal inputs give equal orders: ties keep their place.
    """
    count = len(layer_of)
    if not count:
        return []
    starts = [walk_order(count, into, out)]
    if effort > 4:
        starts += [walk_order(count, out, into), wave_order(count, out, into)]
        starts += [walk_order(count, _shuffled(into, k), out) for k in range(min(8, 1000 // count))]
    best: Layers = []
    fewest = -1
    place = [0] * count
    for number in starts:
        layers = _start(layer_of, number, place, team)
        idle = 0
        lowest = -1
        for turn in range(2 * effort + 1):
            if turn:
                back = turn % 2 == 0
                _sweep(layers, out if back else into, place, back, turn % 8 >= 4, turn % 4 >= 2, team)
            if effort > 4 and turn % 4 > 1:
                _transpose(layers, into, out, place, 2, 0, team)
            _transpose(layers, into, out, place, 8 if effort > 4 else 3, 1, team)
            found = crossings(layers, into)
            if found and effort > 12 and turn % 2 == 0 and (fewest < 0 or found < 1.2 * fewest):
                for _ in range(4):
                    if not _sift(layers, into, out, place, team):
                        break
                found = crossings(layers, into)
            if fewest < 0 or found < fewest:
                fewest, best = found, [layer[:] for layer in layers]
            idle = 0 if lowest < 0 or found < lowest else idle + 1
            lowest = found if lowest < 0 else min(lowest, found)
            if not fewest or idle > 9:
                break
        if not fewest:
            break
    return best
