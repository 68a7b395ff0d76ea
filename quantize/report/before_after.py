"""What the passes do to a family's model: the time after each, and the time of its ops before them and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edgeseg.bench.graph import fill_inputs, graph_of
from edgeseg.bench.op_times import op_times
from edgeseg.engines import interpreter as tflite
from quantize.catalogue import Candidate
from quantize.families import Family, passes
from quantize.graph.flatbuffer import read, write
from quantize.graph.passes.constants import weights_fp16
from quantize.report.facts import INT8, Profile, Stage
from quantize.turns import quiet, saved, times_in_turns

RUNS, PROFILES = 30, 9  # of one profile, and how many are made of each model
AS_PINNED = "as pinned"

Size = tuple[int, int]


def profiles(family: Family, source: bytes, found: Sequence[Candidate]) -> Iterator[Profile]:
    """As pinned and in FP32 and INT8 at the pinned size; where there is no INT8, those two at the nearest that has it.

    source: the family's asset.
    """
    pinned = pinned_size(source)
    models: dict[tuple[Size, str], bytes] = {(pinned, AS_PINNED): source}
    nearest = sorted(
        {(c.tier.height, c.tier.width) for c in found if (c.tier.family, c.tier.precision) == (family.name, "int8")},
        key=lambda size: abs(size[0] * size[1] - pinned[0] * pinned[1]),
    )
    for size in dict.fromkeys([pinned, *nearest[:1]]):
        for precision in ("fp32", "int8"):
            content = content_of(found, family, size, precision)
            if content is not None:
                models[size, precision] = content
    turns = [{key: op_times(content, 1, RUNS) for key, content in models.items()} for _ in range(PROFILES)]
    # All from one turn, the least disturbed one, for they are to be compared.
    quietest = min(turns, key=lambda turn: sum(times.ms for times in turn.values()))
    for ((height, width), label), times in quietest.items():
        yield Profile(family.name, f"{height}x{width}", label, times)


def stages(family: Family, source: bytes, found: Sequence[Candidate]) -> list[Stage]:
    """The family's model after each pass at its pinned size. FP16 and INT8 are each made from the last FP32 one."""
    size = pinned_size(source)
    made = [("", source)]
    graph = read(source)
    for name, change in passes(family, *size):
        change(graph)
        made.append((name, write(graph)))
    fp32 = len(made) - 1
    weights_fp16(graph)
    made.append((weights_fp16.__name__, write(graph)))
    int8 = content_of(found, family, size, "int8")
    if int8 is not None:
        made.append((INT8, int8))
    rounds = times_in_turns(lambda: [_invoke(content) for _, content in made])
    done = []
    for index, (name, content) in enumerate(made):
        gain = saved(rounds[:, min(index - 1, fp32)], rounds[:, index]) if index else None
        done.append(Stage(family.name, name, len(graph_of(content, 1).nodes), quiet(rounds[:, index]), gain))
    return done


def pinned_size(source: bytes) -> Size:
    """(height, width) that a model takes."""
    _, height, width, _ = read(source).inputs[0].shape
    return height, width


def content_of(found: Sequence[Candidate], family: Family, size: Size, precision: str) -> bytes | None:
    """A candidate's file; None if there is none."""
    wanted = (family.name, *size, precision)
    tiers = ((one.content, one.tier) for one in found)
    return next((content for content, t in tiers if (t.family, t.height, t.width, t.precision) == wanted), None)


def _invoke(model: bytes) -> Callable[[], object]:
    """A bare inference with one thread, also of models that are no tiers."""
    library, interpreter_class = tflite.runtime()
    interpreter: Any = tflite.allocated(interpreter_class, model, 1, library)
    fill_inputs(interpreter)
    invoke: Callable[[], object] = interpreter.invoke
    return invoke
