"""The still picture of `BatchConveyor`: the batches of each epoch with their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.plot import document, image, short
from gradviz.viz.theme import LIGHT, SERIES
from gradviz.widgets.data.conveyor_facts import Epoch, meet_again, words

if TYPE_CHECKING:
    from gradviz.widgets.data.batch_conveyor import BatchConveyor

WIDE, SIDE, CARD, TALL, GAP = 920, 16, 38, 54, 4
STILL = 26_000  # bytes of pixels
MOST = 32  # rows of an epoch
ROWS = 16  # rows of a batch
ACROSS = 12  # rows in a line of one batch


def draw(view: BatchConveyor) -> str:
    """One block for each epoch of the first seed."""
    pixels = view.cards.pixels
    shown = sum(len(epoch.steps) for epoch in view.runs[0])
    pictures = pixels is not None and shown * pixels[0].size <= STILL
    parts = [_text(SIDE, 26, view.title, 15, "ink", WIDE - 2 * SIDE, bold=True)]
    y = 44.0
    for e, epoch in enumerate(view.runs[0]):
        parts.append(
            _text(SIDE, y + 12, f"epoch {e + 1}: {words(epoch.facts, view.batched)}", 12, "muted", WIDE - 2 * SIDE)
        )
        if e and epoch.whole and view.runs[0][e - 1].whole:
            y += 17
            said = meet_again(view.runs[0][e - 1], epoch, e)
            parts.append(_text(SIDE, y + 12, said, 12, "muted", WIDE - 2 * SIDE))
        trays, y = _trays(view, epoch, y + 24, pictures)
        parts += trays
        y += 12
    return document(parts, WIDE, y + 2, view.summary())


def _trays(view: BatchConveyor, epoch: Epoch, y: float, pictures: bool) -> tuple[list[str], float]:
    """The batches side by side, as many in a line as fit."""
    named: list[tuple[str, list[int], bool]] = []
    room = MOST
    for b, batch in enumerate(epoch.batches()):
        if room <= 0:
            break
        more = f" (and {len(batch) - ROWS} more rows)" if len(batch) > ROWS else ""
        named.append(((f"batch {b}" if view.batched else str(b)) + more, batch[:ROWS], False))
        room -= len(batch[:ROWS])
    left_out = epoch.facts.batches - len(named)
    if epoch.dropped_shown:
        named.append(("✗ dropped", epoch.steps[-epoch.dropped_shown :][:ROWS], True))
    parts: list[str] = []
    x, deep = float(SIDE), 0.0
    for name, rows, dropped in named:
        across = min(max(len(rows), 1), ACROSS)
        lines = -(-max(len(rows), 1) // ACROSS)
        wide = max(across * (CARD + GAP) + GAP, width(name, 11) + 14)
        tall = 20 + lines * (TALL + GAP) + 2
        if x + wide > WIDE - SIDE and x > SIDE:
            x, y, deep = SIDE, y + deep + 8, 0.0
        line = f'stroke="{LIGHT["bad"]}" stroke-dasharray="4 3"' if dropped else f'stroke="{LIGHT["line"]}"'
        place = f'x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="{short(tall)}"'
        parts.append(f'<rect {place} rx="7" fill="{LIGHT["ground"]}" {line}/>')
        parts.append(_text(x + 7, y + 14, name, 11, "bad" if dropped else "muted", wide - 10))
        for i, at in enumerate(rows):
            left, top = x + GAP + (i % ACROSS) * (CARD + GAP), y + 20 + (i // ACROSS) * (TALL + GAP)
            parts.append(_card(view, at, left, top, pictures))
        x, deep = x + wide + 8, max(deep, tall)
    y += deep
    if left_out:
        parts.append(_text(SIDE, y + 16, f"… and {left_out} more batches", 12, "muted", WIDE))
        y += 22
    return parts, y


def _card(view: BatchConveyor, at: int, x: float, y: float, pictures: bool) -> str:
    place = view._place.get(at)
    k = -1 if place is None else view.cards.labels[place]
    colour = LIGHT["edge"] if k < 0 else SERIES["light"][k % len(SERIES["light"])]
    box = f'x="{short(x)}" y="{short(y)}" width="{CARD}" height="{TALL}"'
    out = [f'<rect {box} rx="5" fill="{LIGHT["card"]}" stroke="{colour}" stroke-width="1.5"/>']
    letter = "" if k < 0 else view.cards.letters[k]
    if pictures and place is not None:
        pixels: Any = view.cards.pixels[place]
        out.append(image(pixels[..., 0] if pixels.shape[2] == 1 else pixels, x + 4, y + 4, CARD - 8, CARD - 8))
    else:
        tip = letter if letter or place is None or view.cards.pixels is not None else view.cards.texts[place]
        size = 17 if letter else 9.5
        out.append(_text(x + CARD / 2, y + 25, tip, size, colour, CARD - 4, middle=True, bold=bool(letter)))
    out.append(_text(x + 4, y + TALL - 5, view.key_of(at), 10.5, "ink", CARD - 16))
    if letter and pictures:
        out.append(_text(x + CARD - 8, y + TALL - 5, letter, 10.5, colour, 14, middle=True, bold=True))
    return "".join(out)


def _text(
    x: float, y: float, text: str, size: float, ink: str, room: float, *, middle: bool = False, bold: bool = False
) -> str:  # fmt: skip
    where = f'x="{short(x)}" y="{short(y)}" font-size="{short(size)}" fill="{LIGHT.get(ink, ink)}"'
    how = (' text-anchor="middle"' if middle else "") + (' font-weight="600"' if bold else "")
    return f"<text {where}{how}>{escape(clip(clean(text), room, size))}</text>"
