"""Views of where a program runs: what a GPU costs, and when it pays."""

from gradviz.widgets.device.crossover import DeviceCrossover as DeviceCrossover
