"""Views for JupyterLab: pictures that step, search and answer, and are still pictures where scripts do not run."""

from gradviz.widgets.base import View as View
from gradviz.widgets.graphview import GraphView as GraphView
from gradviz.widgets.selftest import SelfTest as SelfTest
from gradviz.widgets.stepper import BackpropStepper as BackpropStepper
from gradviz.widgets.trajectory import TrajectoryView as TrajectoryView
