"""A captured CUDA graph, as the driver describes it, becomes a record that GraphView draws. No GPU code is executed."""

from __future__ import annotations

from gradviz.gpu.drawn import CapturedGraph, called
from gradviz.widgets import GraphView

# In the form of cudaGraphDebugDotPrint, with names that try to be more than names.
DOT = r"""digraph dot {
subgraph cluster_1 {
label="graph_1" graph[style="dashed"];
"graph_1_node_2"[style="bold" shape="octagon" label="2
ampere_sgemm_32x32_nn\<\<\<1,128,0\>\>\>
"];
"graph_1_node_0"[style="solid" shape="rectangle" label="0
MEMSET
(0x7f,4)
"];
"graph_1_node_1"[style="bold" shape="octagon" label="1
<img src=x onerror=alert(1)>
"];
"graph_1_node_0" -> "graph_1_node_1" [headlabel=0];
"graph_1_node_0" -> "graph_1_node_2" [headlabel=0];
"graph_1_node_1" -> "graph_1_node_2" [headlabel=0];
}
}"""


def test_nodes_stand_after_what_comes_before_them() -> None:
    nodes = CapturedGraph(DOT).to_json()["nodes"]
    assert [node["label"] for node in nodes] == ["MEMSET", "<img src=x onerror=alert(1)>", "ampere_sgemm_32x32_nn"]
    assert [[entry["n"] for entry in node["inputs"]] for node in nodes] == [[], [0], [0, 1]]


def test_names_in_labels() -> None:
    assert called("7\\ncupy_add__float32") == "cupy_add__float32"
    assert called("{\nKERNEL\n| {ID | 0}") == "KERNEL"
    assert called("3") == "node"


def test_names_are_text_in_the_picture() -> None:
    class Step:
        def debug_dot(self) -> str:
            return DOT

    view = GraphView(Step())
    for shown in (view.to_svg(), view.to_html()):
        assert "<img src=x" not in shown
    assert "MEMSET" in view.to_text()
    assert "scalar" not in view.to_text()
