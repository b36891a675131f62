"""Which layer each node stands in: longest paths first, then every node pulled towards whoever needs it."""

from __future__ import annotations

from collections.abc import Sequence

Edge = tuple[int, int]


def acyclic(count: int, edges: Sequence[Edge]) -> tuple[list[int], list[bool]]:
    """A topological order, and for each edge whether it points forwards in it.

    Records are acyclic, so normally every edge does. Should a caller hand us a loop, the smallest node that is
    still waiting is let through and the edges into it are marked: the picture is then drawn with those reversed.
    """
    users: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in edges:
        if a != b:
            users[a].append(b)
            waiting[b] += 1
    order = [v for v in range(count) if not waiting[v]]
    placed = [False] * count
    for v in order:
        placed[v] = True
    done, smallest = 0, 0
    while len(order) < count or done < len(order):
        while done < len(order):
            for u in users[order[done]]:
                waiting[u] -= 1
                if not waiting[u] and not placed[u]:
                    placed[u] = True
                    order.append(u)
            done += 1
        if len(order) < count:
            while placed[smallest]:
                smallest += 1
            placed[smallest] = True
            order.append(smallest)
    rank = [0] * count
    for i, v in enumerate(order):
        rank[v] = i
    return order, [rank[a] < rank[b] for a, b in edges]


def longest_path(order: Sequence[int], edges: Sequence[Edge], count: int) -> list[int]:
    """The earliest layer of each node: one more than the latest of its inputs."""
    users: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        users[a].append(b)
    layer = [0] * count
    for v in order:
        after = layer[v] + 1
        for u in users[v]:
            if layer[u] < after:
                layer[u] = after
    return layer


def pull(order: Sequence[int], edges: Sequence[Edge], early: Sequence[int], rounds: int = 6) -> list[int]:
    """Shorten edges: a node with more inputs than users moves back to them, any other forwards to its first user.

    A branch that only one node uses hangs on it: it moves along and counts as no input.
    """
    count = len(early)
    inputs: list[list[int]] = [[] for _ in range(count)]
    users: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        users[a].append(b)
        inputs[b].append(a)
    hangs = [False] * count
    for v in order:
        hangs[v] = len(users[v]) == 1 and all(hangs[u] for u in inputs[v])
    firm = [[u for u in inputs[v] if not hangs[u]] for v in range(count)]
    floor = [1 if inputs[v] else 0 for v in range(count)]
    layer = list(early)
    for _ in range(rounds):
        moved = False
        for v in reversed(order):
            if users[v] and (hangs[v] or len(users[v]) >= len(firm[v])):
                latest = min([layer[u] for u in users[v]]) - 1
                if latest > layer[v]:
                    layer[v] = latest
                    moved = True
        for v in order:
            if len(firm[v]) > len(users[v]):
                earliest = max(max([layer[u] for u in firm[v]]) + 1, floor[v])
                if earliest < layer[v]:
                    layer[v] = earliest
                    moved = True
        if not moved:
            break
    for v in reversed(order):
        if hangs[v]:
            layer[v] = layer[users[v][0]] - 1
    first = min(layer, default=0)
    return [n - first for n in layer]
