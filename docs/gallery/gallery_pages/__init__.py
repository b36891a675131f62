"""What the gallery shows: a function for each page, run for real. Docstrings are the pages' texts."""

from . import devices, graphs, optimisers, precision, tensors, training

PAGES = [*graphs.PAGES, *tensors.PAGES, *optimisers.PAGES, *training.PAGES, *precision.PAGES, *devices.PAGES]
