"""``overview()``: the whole course on one card: what each lesson is about, what you have solved, and where to go on.

What a saved notebook holds is the list alone, the same for everybody: progress is the learner's own and must not
travel with a file. In JupyterLab a small live widget takes its place; it shows the progress, reads it anew whenever
one comes back to it, and its links open the lessons in the same window.

NOTE [Two outputs]

JupyterLab shows a widget rather than anything else that an output holds, also tomorrow, when its kernel is gone. So
there the card has two outputs: the widget, and the list, which is hidden while the widget is alive.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from gradviz.teach import progress
from gradviz.teach.card import GLYPH, mark
from gradviz.teach.check import of_lesson
from gradviz.teach.course import PACKAGE, Lesson, lessons

SCRIPT = PACKAGE / "widgets" / "static" / "course.js"
WIDGET = "application/vnd.jupyter.widget-view+json"
NEEDS = {
    "cpu": "any computer",
    "gpu": "a GPU, or the recorded run",
    "mpi": "MPI for one part; runs without",
    "data": "CIFAR-10 if you have it",
}
# One look for light and for dark: these colours stand on both, words are in the page's own colour.
STATE = {"done": ("✓", "#1f7a4d", "done"), "begun": ("◐", "#1d5fc4", "begun"), "fresh": ("○", "#5f6773", "not begun")}
LINK = "color:var(--jp-content-link-color,#1d5fc4)"
LINE, GROUND = "rgba(128,136,150,0.35)", "rgba(128,136,150,0.08)"
HIDE = (
    "<style>.jp-OutputArea-child:not(:has([data-course=live])):has(+.jp-OutputArea-child [data-course=saved]),"
    ".jp-OutputArea-child:has([data-course=live])+.jp-OutputArea-child:has([data-course=saved]){display:none}</style>"
)


class Row(NamedTuple):
    """One lesson, with how many of its exercises are solved and how many of its predictions were made."""

    lesson: Lesson
    exercises: int
    solved: int
    predicted: int
    tried: bool

    @property
    def state(self) -> str:
        """``done``, ``begun`` or ``fresh``."""
        if self.solved == self.exercises:
            return "done"
        return "begun" if self.tried or self.predicted else "fresh"


def rows(stored: dict[str, Any]) -> tuple[Row, ...]:
    """The lessons in their order, with what the stored progress says of each."""
    return tuple(row(lesson, stored) for lesson in lessons())


def row(lesson: Lesson, stored: dict[str, Any]) -> Row:
    """One lesson; what was stored for an exercise that it has no longer is not counted."""
    exercises, checks = of_lesson(lesson.id), stored["checks"]
    solved = sum(checks.get(id, {}).get("state") == "right" for id in exercises)
    predicted = sum(id in stored["predictions"] for id in lesson.questions)
    return Row(lesson, len(exercises), solved, predicted, any(id in checks for id in exercises))


class Overview:
    """The course with the progress as it is now; `again()` reads it anew."""

    def __init__(self) -> None:
        self.rows: tuple[Row, ...] = ()
        self._live: Any = None
        self.again()

    def again(self) -> None:
        """Read the progress file."""
        self.rows = rows(progress.load())

    @property
    def next(self) -> Lesson | None:
        """Where to go on: the furthest lesson begun, or the first after it that is not done; None at the end."""
        furthest = max((i for i, it in enumerate(self.rows) if it.state != "fresh"), default=0)
        order = (*self.rows[furthest:], *self.rows[:furthest])
        return next((it.lesson for it in order if it.state != "done"), None)

    @property
    def begun(self) -> bool:
        """Whether anything was guessed or tried at all."""
        return any(it.state != "fresh" for it in self.rows)

    def line(self) -> str:
        """The progress in one sentence."""
        solved, predicted = sum(it.solved for it in self.rows), sum(it.predicted for it in self.rows)
        exercises, questions = sum(it.exercises for it in self.rows), sum(len(it.lesson.questions) for it in self.rows)
        return f"{solved} of {exercises} exercises solved, {predicted} of {questions} predictions made"

    def advice(self) -> str:
        """Where to go on, in a few words."""
        if self.next is None:
            return "You have done them all."
        return f"{'Go on with' if self.begun else 'Begin with'} {self.next.id} · {self.next.title}"

    def to_text(self) -> str:
        """The card as plain text, a line for each lesson."""
        where = f" ({self.next.notebook.name})" if self.next else ""
        lines = [f"The course: {self.line()}.", f"{self.advice()}{where}", ""]
        lines += [
            f"  {STATE[it.state][0]} {it.lesson.id}  {it.lesson.title:<36}{it.lesson.minutes:>3} min   "
            f"exercises {it.solved} of {it.exercises}   predictions {it.predicted} of {len(it.lesson.questions)}"
            for it in self.rows
        ]
        return "\n".join(lines)

    def to_html(self, kind: str = "saved") -> str:
        """The card as HTML without script; what stands in the index is text in it, never markup."""
        done = sum(it.solved for it in self.rows) / max(sum(it.exercises for it in self.rows), 1)
        head = (
            '<div style="display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;margin:0 0 6px">'
            f'<b style="font-size:18px">The course</b><span>{escape(self.line())}</span></div>'
            f"{bar(done)}{self._onward()}"
        )
        hours, minutes = divmod(sum(it.lesson.minutes for it in self.rows), 60)
        summary = f"All {len(self.rows)} lessons, {hours} hours {minutes} minutes"
        cards = "".join(card(it, it.lesson == self.next) for it in self.rows)
        grid = "display:flex;flex-wrap:wrap;gap:10px;list-style:none;margin:10px 0 0;padding:0"
        return (
            f'<div data-course="{kind}" style="max-width:1000px;padding:6px 2px;line-height:1.4">{head}'
            f"<details{' open' if self.begun else ''}><summary>{summary}</summary>"
            f'<ul style="{grid}">{cards}</ul></details></div>'
        )

    def _onward(self) -> str:
        if self.next is None:
            return f'<p style="margin:8px 0 10px"><b>{escape(self.advice())}</b></p>'
        return (
            f'<p style="margin:8px 0 10px"><a href="{escape(self.next.notebook.name)}" style="{LINK}">'
            f"<b>{escape(self.advice())} →</b></a></p>"
        )

    def __repr__(self) -> str:
        return self.to_text()

    def saved(self) -> dict[str, str]:
        """What a notebook may keep: the list without anybody's progress."""
        blank = Overview.__new__(Overview)
        blank.rows = rows({kind: {} for kind in progress.KINDS})
        return {"text/plain": blank.to_text(), "text/html": blank.to_html()}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.saved()

    def _ipython_display_(self) -> None:
        if not in_jupyterlab() or self._widget() is None:
            raise NotImplementedError  # then IPython asks for the mime bundle
        from IPython.display import display

        data = self._live._repr_mimebundle_()[0]
        display({WIDGET: data[WIDGET]}, raw=True)
        saved = self.saved()
        display({**saved, "text/html": saved["text/html"] + HIDE}, raw=True)

    def _widget(self) -> Any:
        if self._live is None:
            self._live = live(self)
        return self._live


def overview() -> Overview:
    """The course, and how far you have come. In JupyterLab, each lesson is a link."""
    return Overview()


def in_jupyterlab() -> bool:
    """Whether a person looks on: a kernel that JupyterLab or Jupyter Notebook started, not a program (nbval)."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None and "JPY_SESSION_NAME" in os.environ


def live(card: Overview) -> Any | None:
    """The widget that shows the progress; None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class LiveOverview(anywidget.AnyWidget):
        _esm = SCRIPT
        html = traitlets.Unicode().tag(sync=True)

    widget = LiveOverview(html=card.to_html("live"))

    def receive(_widget: Any, message: Any, _buffers: Any) -> None:
        """Somebody has come back to the card. It may come on another thread: reading a file is all that it does."""
        card.again()
        widget.html = card.to_html("live")

    widget.on_msg(receive)
    return widget


def bar(share: float) -> str:
    """How much of the whole, as a bar; the number stands beside it in words."""
    colour = STATE["done"][1]
    return (
        f'<div style="height:8px;border-radius:4px;background:{LINE};overflow:hidden">'
        f'<div style="height:8px;width:{share:.0%};background:{colour}"></div></div>'
    )


def card(it: Row, onward: bool) -> str:
    """One lesson."""
    lesson = it.lesson
    glyph, colour, word = STATE[it.state]
    edge = f"2px solid {STATE['begun'][1]}" if onward else f"1px solid {LINE}"
    badge = (
        f'<span title="{word}" style="display:inline-block;min-width:44px;padding:1px 7px;border-radius:10px;'
        f'background:{colour};color:#ffffff;font-weight:600;text-align:center">{glyph} {escape(lesson.id)}</span>'
    )
    needs = ", ".join(NEEDS.get(need, need) for need in lesson.needs)
    return (
        f'<li style="flex:1 1 270px;max-width:480px;box-sizing:border-box;margin:0;padding:9px 12px;border:{edge};'
        f'border-radius:8px;background:{GROUND}">'
        f'<div style="display:flex;gap:8px;align-items:baseline">{badge}'
        f'<a href="{escape(lesson.notebook.name)}" style="flex:1;{LINK}"><b>{escape(lesson.title)}</b></a>'
        f'<span style="white-space:nowrap">{lesson.minutes} min</span></div>'
        f'<div style="margin:6px 0 4px">{mark(lesson.goal)}</div>'
        '<div style="display:flex;flex-wrap:wrap;gap:0 12px;font-size:12px;opacity:0.85">'
        f"{tally('exercises', it.solved, it.exercises, 'right')}"
        f"{tally('predictions', it.predicted, len(lesson.questions), 'noted')}<span>{escape(needs)}</span></div></li>"
    )


def tally(what: str, count: int, total: int, state: str) -> str:
    """``✓✓○ exercises 2 of 3``."""
    marks: Iterable[str] = (GLYPH[state] if i < count else GLYPH["open"] for i in range(total))
    return f'<span style="white-space:nowrap">{"".join(marks)} {what} {count} of {total}</span>'
