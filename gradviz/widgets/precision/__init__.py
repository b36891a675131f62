"""Views of mixed precision: what a 16-bit type does to gradients, and the scaler that keeps them in range."""

from gradviz.widgets.precision.number_line import NumberLine as NumberLine
from gradviz.widgets.precision.scaler_timeline import ScalerTimeline as ScalerTimeline
