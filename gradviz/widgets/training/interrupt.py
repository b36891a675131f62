"""Ctrl-C, and the stop button of a notebook, heard between the steps of a loop and not in the middle of one."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any


class Paused(KeyboardInterrupt):
    """An interrupt that was heard between two steps."""


class Interrupts:
    """While it is on, the first interrupt sets `pressed`; a second one is raised at once, for a step that hangs.

    A loop that was left by an exception stays in the traceback and so cannot clean up; an interrupt that comes when the
    loop is no longer running is therefore passed on to whoever it was meant for. On threads other than the main one,
    which get no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._before: Any = None
        self._frame: FrameType | None = None
        self._on = False

    def watch(self, frame: FrameType | None) -> None:
        """Listen from now on; `frame` is that of the code whose loop it is."""
        self._frame = frame
        if not self._on and threading.current_thread() is threading.main_thread():
            self.pressed = False
            self._before = signal.signal(signal.SIGINT, self._hear)
            self._on = True

    def release(self) -> None:
        """As it was before."""
        self._frame = None
        if self._on and threading.current_thread() is threading.main_thread():
            self._on = False
            if signal.getsignal(signal.SIGINT) == self._hear:
                signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.pressed or not self._running(frame):
            self.release()
            if callable(self._before):
                self._before(number, frame)
            raise KeyboardInterrupt
        self.pressed = True
        print("\nPausing after this step; interrupt again to stop in the middle of it.", file=sys.stderr)

    def _running(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if frame is self._frame:
                return True
            frame = frame.f_back
        return False
