"""Pictures that need no kernel: scenes, SVG, text, DOT and model summaries, from the records of gradviz.core."""

from gradviz.viz.dot import make_dot as make_dot
from gradviz.viz.scene import scene as scene
from gradviz.viz.summary import summary as summary
from gradviz.viz.svg import data_uri as data_uri
from gradviz.viz.svg import to_svg as to_svg
from gradviz.viz.text import to_text as to_text
