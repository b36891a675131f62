"""Views for JupyterLab: pictures that step, search and answer, and are still pictures where scripts do not run."""

from gradviz.widgets.base import View as View
from gradviz.widgets.confusion_matrix import ConfusionMatrix as ConfusionMatrix
from gradviz.widgets.conv_stepper import ConvStepper as ConvStepper
from gradviz.widgets.feature_maps import FeatureMaps as FeatureMaps
from gradviz.widgets.grad_flow import GradFlow as GradFlow
from gradviz.widgets.graphview import GraphView as GraphView
from gradviz.widgets.histogram_stack import HistogramStack as HistogramStack
from gradviz.widgets.history import History as History
from gradviz.widgets.history import watch as watch
from gradviz.widgets.live import LiveView as LiveView
from gradviz.widgets.sample_grid import SampleGrid as SampleGrid
from gradviz.widgets.selftest import SelfTest as SelfTest
from gradviz.widgets.stepper import BackpropStepper as BackpropStepper
from gradviz.widgets.timeline import Timeline as Timeline
from gradviz.widgets.trajectory import TrajectoryView as TrajectoryView
