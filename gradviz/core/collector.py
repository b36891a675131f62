"""Python's garbage collector, told when looking is of no use."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """Collect nothing inside the `with` block, and count what was made there among what has lived long.

    Reading modules makes 40,000 objects that stay, and nothing that only the collector would find. Looking through them
    again and again took a tenth of the time of `import gradviz`.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_freeze_count() == 0:  # else somebody's frozen objects would thaw
                gc.freeze()
                gc.unfreeze()  # both move lists, not objects: all are now of the oldest generation
            gc.enable()
