"""The still picture of `DeviceCrossover`: two lines that cross, and one bar for each device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradviz.viz.measure import clip
from gradviz.viz.plot import SMALL, Axis, Plot, document, label, legend, short, span
from gradviz.widgets.device.crossover_model import sizes

if TYPE_CHECKING:
    from gradviz.widgets.device.crossover import DeviceCrossover

WIDTH, HEIGHT, BARS = 689, 320, 92
COLOURS = {"launch": 3, "copy": 1, "work": 2}  # the parts of a GPU's time
BELOW = 1000  # the axis reaches this far below a GPU's shortest time, and no further
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def time_text(seconds: float) -> str:
    """A time in the unit that suits it, three digits."""
    for size, unit in UNITS:
        if seconds >= 0.9995 * size:
            return f"{float(f'{seconds / size:.3g}'):g} {unit}"
    return f"{float(f'{seconds * 1e9:.3g}'):g} ns"


def draw(view: DeviceCrossover) -> str:
    """The whole picture."""
    stops = sizes(view.work.most)
    cpu = [view.seconds(n, gpu=False).total for n in stops]
    gpu = [view.seconds(n) for n in stops]
    low, high = span([*cpu, *(c.total for c in gpu)], log=True)
    low = max(low, min(c.total for c in gpu) / BELOW)
    plot = Plot(
        Axis(1, view.work.most, log=True, name=view.axis),
        Axis(low, high, log=True, name="time in seconds, computed"),
        WIDTH,
        HEIGHT,
        left=70,
        top=66,
    )
    marks = [
        plot.line(stops, [max(getattr(c, part), low / 10) for c in gpu], colour, 1.2)
        for part, colour in COLOURS.items()
    ]
    marks += [plot.line(stops, [c.total for c in gpu], 2, 3), plot.line(stops, cpu, 0, 3)]
    ink = plot.colour("ink")
    title = clip(f"{view.title} {view.work.name}", WIDTH - 32, 14)
    names = [view.cpu.name, view.gpu.name, "launch", "copy", "work"]
    return document(
        [
            zones(view, plot),
            label(16, 22, title, ink, 14, 'font-weight="600"'),
            label(16, 41, clip(view.verdict(), WIDTH - 32, SMALL), ink),
            plot.axes(),
            plot.inside("".join([*marks, plot.rule(x=view.n, colour="ink")])),
            legend(names, plot, y=58, colours=[0, 2, *COLOURS.values()]),
            bars(view, plot),
        ],
        WIDTH,
        HEIGHT + BARS,
        view.verdict(),
    )


def zones(view: DeviceCrossover, plot: Plot) -> str:
    """The sides of the crossover, each in the colour of the faster device."""
    x, y, wide, tall = plot.inner
    found = view.crossover()
    middle = x + wide if found is None else plot.at(max(found, 1), 1)[0]
    out = []
    for a, b, colour in ((x, middle, 0), (middle, x + wide, 2)):
        if b > a:
            box = f'x="{short(a)}" y="{short(y)}" width="{short(b - a)}" height="{short(tall)}"'
            out.append(f'<rect {box} fill="{plot.colour(colour)}" fill-opacity=".07"/>')
    return "".join(out)


def bars(view: DeviceCrossover, plot: Plot) -> str:
    """What n takes on each device, the parts of the GPU's time one after the other."""
    mine, cost = view.seconds(view.n, gpu=False), view.seconds(view.n)
    left, room = 110.0, WIDTH - 110 - 90.0
    longest = max(mine.total, cost.total) or 1.0
    out = [label(16, HEIGHT + 14, f"n = {view.n}", plot.colour("ink"), 13, 'font-weight="600"')]
    rows: list[tuple[str, list[tuple[int, float]]]] = [
        (view.cpu.name, [(0, mine.total)]),
        (view.gpu.name, [(colour, getattr(cost, part)) for part, colour in COLOURS.items()]),
    ]
    for i, (name, parts) in enumerate(rows):
        y, x = HEIGHT + 24.0 + 30 * i, left
        out.append(label(left - 10, y + 15, clip(name, 90, SMALL), plot.colour("ink"), more='text-anchor="end"'))
        for colour, part in parts:
            wide = room * part / longest
            size = f'x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="20"'
            out.append(f'<rect {size} fill="{plot.colour(colour)}"/>')
            x += wide
        out.append(label(x + 8, y + 15, time_text(sum(part for _, part in parts)), plot.colour("ink")))
    return "".join(out)
