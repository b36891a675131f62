"""`ErrorGraph`: a failed run as a picture, with the node and the line to blame.

    with ErrorGraph() as e:         runs the block; the error goes on, and the picture is shown with it
        loss = f(x)
        loss.backward()
    e                               the picture again

    ErrorGraph(f, x)                runs f(x) and gives the picture
    ErrorGraph(loss, leaves=[w])    nothing raised, but w.grad stays None, or the loss is NaN
    ErrorGraph(tape)                of `with torch.record() as tape:`, after its error

The mistakes it knows are the table in errors/causes.py; whatever else went wrong is shown with what ran before it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from gradviz.core.backward import Backward
from gradviz.core.events import observe
from gradviz.core.record import Recorder, Recording
from gradviz.core.tensor import Tensor
from gradviz.core.walk import of
from gradviz.viz.measure import clean, clip
from gradviz.viz.scene import scene
from gradviz.viz.text import to_text
from gradviz.widgets.errors.blame import Blame
from gradviz.widgets.errors.causes import Cause, find
from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.notes import Notes
from gradviz.widgets.errors.picture import picture
from gradviz.widgets.graph.embed import line as short_line
from gradviz.widgets.graph.graphview import GraphView
from gradviz.widgets.graph.source import data_of, first_tensor, learner, modules_of, name_results
from gradviz.widgets.graph.tidy import around, without, without_setup
from gradviz.widgets.pytorch.torch_graph import is_torch

NOT_OURS = (
    "ErrorGraph reads gradviz's own graphs, got a tensor of PyTorch\n"
    "Run the same code with `import gradviz as torch`. GraphView and BackpropStepper take PyTorch's."
)
MOST = 1200  # nodes of a record that are kept whole
CLOSE, FARTHEST = 18, 40  # boxes of the still picture: those nearest to what is to blame, more if more are marked
MEANS = {
    "inplace": {"bad": "wrote over it", "stop": "needs the old value"},
    "freed": {"bad": "backward stops here", "removed": "lost what it kept"},
    "shape": {"bad": "refused"},
    "refused": {"bad": "refused"},
    "scalar": {"bad": "more than one number"},
    "leaf": {"bad": "refused"},
    "detached": {"bad": "cut here", "stop": "no gradient arrives"},
    "no_graph": {"bad": "cut here", "stop": "no gradient arrives"},
    "nonfinite": {"bad": "it arises here", "changed": "it has spread here"},
    "anomaly": {"bad": "it arises here", "changed": "it has spread here"},
    "unknown": {"bad": "backward stops here", "stop": "the last operation before the error"},
    "fine": {"ok": "fine"},
}


class ErrorGraph(GraphView):
    """A failed run as a picture.

    Args:
        source: nothing (use it as a context manager), a function (run now with `inputs`), a loss, or the tape of
            ``with torch.record() as tape:``. Of a loss, a backward pass is tried and taken back.
        inputs: what `source` is called with.
        leaves: tensors whose gradient is missed: in a list, by name, or ``net.named_parameters()``.
        show: True swallows the error of the block and shows the picture; False lets it pass and shows nothing; None
            shows it in a notebook and lets the error pass.
        title: shown above the graph.
        depth: how deep modules are unfolded.

    Raises: TypeError for a source that is none of these. A function's KeyboardInterrupt passes.
    """

    def __init__(
        self,
        source: Any = None,
        *inputs: Any,
        leaves: Iterable[Any] | Mapping[str, Tensor] = (),
        show: bool | None = None,
        title: str | None = None,
        depth: int | None = None,
    ) -> None:
        self.asked = dict(leaves) if isinstance(leaves, Mapping) else list(leaves)
        self.show, self.title, self.depth = show, title or "", depth
        self.error: BaseException | None = None
        self.cause: Cause | None = None
        self._tape: Notes | None = None
        self._prefixes: dict[str, Any] = {}
        if source is None:
            return
        if is_torch(source):
            raise TypeError(NOT_OURS)
        if isinstance(source, Tensor):
            self._of_result(source)
        elif isinstance(source, Recorder | Recording):
            self._of_tape(source if isinstance(source, Recorder) else source.recorder)
        elif callable(source):
            self._of_run(source, inputs)
        else:
            raise TypeError(
                f"expected a function, a loss or a tape, got {type(source).__name__}\n"
                "Use it as a context manager, `with ErrorGraph() as e:`, or pass a function: ErrorGraph(lambda: f(x))."
            )

    # -- where the evidence comes from ----------------------------------------------------------------------------
    def __enter__(self) -> Self:
        self._prefixes = modules_of(learner())
        self._tape = Notes(Recorder({**self._named(), **self._prefixes}))
        self._watch = observe(self._tape)
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watch.__exit__(kind, error, trace)
        tape = self._tape
        assert tape is not None
        if error is not None and not isinstance(error, Exception):
            return False  # an interrupt is no mistake
        root = tape.root if error is None else None
        self._settle(tape, error, root or tape.last_result())
        if self.show or (self.show is None and error is not None):
            self._display()
        return bool(self.show)

    def _of_run(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        self._prefixes = modules_of(learner())
        tape = Notes(Recorder({**self._named(), **self._prefixes}))
        error: Exception | None = None
        result: Any = None
        with observe(tape):
            try:
                result = function(*inputs)
            except Exception as raised:
                error = raised
        found = result if isinstance(result, Tensor) or is_torch(result) else first_tensor(result)
        if is_torch(found):
            raise TypeError(NOT_OURS)
        root = found if found is not None else tape.root or tape.last_result()
        if error is None and root is not None and not tape.roots:
            error = self._try(tape, root)
        self._settle(tape, error, root)

    def _of_result(self, root: Tensor) -> None:
        tape = Notes(of(root, self._named()).recorder)
        self._settle(tape, self._try(tape, root), root)

    def _of_tape(self, recorder: Recorder) -> None:
        """The error is the one being handled, or the last one that was shown, if the tape says it was that one."""
        told = next((s["text"] for s in recorder.steps if s["kind"] == "error"), None)
        known = (sys.exc_info()[1], getattr(sys, "last_exc", None), getattr(sys, "last_value", None))
        error = next((e for e in known if e is not None and f"{type(e).__name__}: {e}" == told), None)
        tape = Notes(recorder.copy())
        tape.recorder.nodes = [dict(node) for node in recorder.nodes]
        tape.recorder.steps = [step for step in recorder.steps if step["kind"] != "error"]
        if error is None and told is not None:
            error = RuntimeError(told.partition(": ")[2])
        root = tape.last_result()
        went_back = any(step["kind"] == "backward" for step in recorder.steps)
        if error is None and root is not None and not went_back:
            error = self._try(tape, root)
        self._settle(tape, error, root)

    def _try(self, tape: Notes, root: Tensor) -> Exception | None:
        """Try a backward pass and take it back, so that gradients and the graph are as before."""
        if root._array.size != 1 or not root._needs:
            return None
        session = None
        try:
            session = Backward([root])
            with observe(tape):
                session.run()
        except Exception as raised:
            return raised
        finally:
            if session is not None:
                session.seek(0)
        return None

    def _named(self) -> dict[str, Tensor]:
        """The leaves that are asked about, by the learner's names for them."""
        if isinstance(self.asked, Mapping):
            return dict(self.asked)
        frame = learner()
        held = {**frame.f_globals, **frame.f_locals}
        names = {id(v): k for k, v in held.items() if isinstance(v, Tensor) and not k.startswith("_")}
        pairs = [x if isinstance(x, tuple) else ("", x) for x in self.asked]
        wrong = next((x for _, x in pairs if not isinstance(x, Tensor)), None)
        if wrong is not None:
            raise TypeError(
                f"leaves must be tensors, got {type(wrong).__name__}\n"
                "Pass them in a list, leaves=[w, b], or by name, leaves=net.named_parameters()."
            )
        return {name or names.get(id(x)) or x.name or f"leaf_{i + 1}": x for i, (name, x) in enumerate(pairs)}

    # -- from evidence to a picture -------------------------------------------------------------------------------
    def _settle(self, tape: Notes, error: BaseException | None, root: Tensor | None) -> None:
        self.error = error
        name_results(tape.recorder)
        leaves = self._named()
        evidence = Evidence(tape, error, root, leaves, self._prefixes)
        self.cause, blame = find(evidence)
        self._tape = None
        self._keep(evidence, blame)

    def _keep(self, evidence: Evidence, blame: Blame) -> None:
        """The record with its marks, and everything that is said, as plain data: nothing live is held."""
        recorder = evidence.recorder
        if self.error is not None:
            text = f"{type(self.error).__name__}: {self.error}"
            recorder.steps.append({"kind": "error", "text": short_line(text, 160), "n": blame.centre})
        recording = Recording(recorder)
        for n, (kind, text) in blame.marks.items():
            recorder.nodes[n]["badge"] = {"kind": kind, "text": clean(text)[:300]}
            recorder.nodes[n].setdefault("blamed", n == blame.centre)
        for (n, slot), note in blame.notes.items():
            inputs = recorder.nodes[n]["inputs"]
            recorder.nodes[n]["inputs"] = [
                {**i, "note": clip(clean(note), 130, 11, mono=True)} if i["slot"] == slot else i for i in inputs
            ]
        for node in recorder.nodes:
            node["was"] = node["n"]
        self.record = without_setup(data_of(recording, self.title or None))
        whole = len(self.record["nodes"])
        if whole > MOST:
            near = [node["n"] for node in self.record["nodes"] if node.get("badge")]
            self.record = around(self.record, near, MOST // 2)
            blame.facts.append(f"Only the {MOST // 2} nodes nearest to it are kept, of {whole:,}.")
        now = {node["was"]: node["n"] for node in self.record["nodes"]}
        assert self.cause is not None
        self.said: dict[str, Any] = {
            "cause": self.cause.name,
            "title": short_line(self.title, 200) or self.cause.title,
            "headline": short_line(blame.headline, 400),
            "error": short_line(f"{type(self.error).__name__}: {self.error}", 600) if self.error is not None else "",
            "places": [
                {
                    "role": short_line(place.role, 80),
                    "where": short_line(place.line.where, 80) if place.line is not None else "",
                    "text": short_line((place.line.text if place.line is not None else "") or place.text, 160),
                    "n": now.get(place.n),
                }
                for place in blame.places
                if place.line is not None or place.text
            ],
            "facts": [short_line(fact, 300) for fact in blame.facts],
            "fix": short_line(blame.fix, 300),
            "wrong": short_line(blame.wrong, 120),
            "right": short_line(blame.right, 120),
            "means": MEANS[self.cause.name],
        }

    def _display(self) -> None:
        """In a notebook the picture; elsewhere the words, if they were asked for."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is not None:
            from IPython.display import display

            display(self)
        elif self.show:
            print(self.to_text())

    def _ready(self) -> None:
        if self.cause is None:
            raise RuntimeError(
                "nothing has run yet\nUse `with ErrorGraph() as e:` and look at `e` afterwards, or pass a function."
            )

    @property
    def centre(self) -> int | None:
        """The node that is most to blame, by its number in the record."""
        return next((node["n"] for node in self.record["nodes"] if node.get("blamed")), None)

    @functools.cached_property
    def scenes(self) -> list[dict[str, Any]]:
        self._ready()
        return GraphView.scenes.func(self)  # type: ignore[attr-defined,no-any-return]

    @functools.cached_property
    def near(self) -> dict[str, Any]:
        """The part of the graph nearest to what is to blame, as a scene: what the still picture shows."""
        self._ready()
        nodes = self.record["nodes"]
        marked = [node["n"] for node in nodes if node.get("badge")]
        most = min(max(CLOSE, len(marked) + CLOSE // 2), FARTHEST)
        close = around(dict(self.record), [*([self.centre] if self.centre is not None else []), *marked], most)
        drawn = scene(close, with_record=False)
        left = len(nodes) - len(close["nodes"])
        return {**drawn, "note": f"the {len(close['nodes'])} nearest of {len(nodes):,} nodes"} if left else drawn

    def to_svg(self, *, animated: bool = False, theme: str = "light") -> str:
        self._ready()
        return picture(self.said, self.near, theme)

    def _picture(self, room: int) -> str:
        return self.to_svg()

    def to_text(self) -> str:
        self._ready()
        said = self.said
        out = [f"ErrorGraph: {said['title']}", f"  {said['headline']}"]
        if said["error"]:
            out.append(f"  error: {said['error']}")
        wide = max((len(p["role"]) for p in said["places"]), default=0)
        out.extend(f"  {p['role']:<{wide}}  {p['where'] or '-'}  {p['text']}".rstrip() for p in said["places"])
        marks = [(node, node["badge"]) for node in self.record["nodes"] if node.get("badge")]
        out.extend(f"  mark: {clean(node['label'])[:60]}: {badge['text']}" for node, badge in marks[:20])
        if len(marks) > 20:
            out.append(f"  ... {len(marks) - 20} more marks")
        out.extend(f"  {fact}" for fact in said["facts"])
        if said["fix"]:
            out.append(f"  usual fix: {said['fix']}")
        out.extend(f"    {mark} {code}" for mark, code in (("not", said["wrong"]), ("but", said["right"])) if code)
        return "\n".join([*out, to_text(self._ran(), most=20)])

    def _ran(self) -> dict[str, Any]:
        """The record without the call that came to no result."""
        return without(dict(self.record), {node["n"] for node in self.record["nodes"] if node.get("failed")})

    def table(self) -> list[list[str]]:
        rows = [["", "what went wrong"], ["cause", self.said["headline"]]]
        rows += [[p["role"], f"{p['where']}  {p['text']}"] for p in self.said["places"]]
        return [*rows, *(["", fact] for fact in self.said["facts"]), ["usual fix", self.said["fix"]]]

    def to_json(self) -> dict[str, Any]:
        self._ready()
        return {"format": "gradviz.error/1", **self.said, "centre": self.centre, "scene": self.scenes[0]}

    def parts(self) -> dict[str, Any]:
        notes = [
            {"from": i["n"], "to": node["n"], "slot": i["slot"], "text": i["note"]}
            for node in self.record["nodes"] for i in node["inputs"] if i.get("note") and i.get("n") is not None
        ]  # fmt: skip
        return {"blame": {**self.said, "notes": notes, "centre": self.centre}}

    def data(self) -> dict[str, Any]:
        self._ready()
        return {**super().data(), "title": short_line(self.said["title"], 200), "backward": self._steps_back()}
