"""python -m quantize import: models that are fed and read in other ways than ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.tiers import files
from quantize.families import FAMILIES, fp32_graph
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Graph, ModelError, Op, Tensor
from quantize.importing import Wish, find_ways, import_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def landscape(asset: Callable[[str], Path]) -> bytes:
    return write(fp32_graph(FAMILIES["selfie-landscape"], asset("selfie-landscape").read_bytes(), 96, 160))


def fed_with(model: bytes, low: float, high: float) -> Graph:
    """The model, changed to expect [low, high] where it took [0, 1]."""
    graph = read(model)
    old = graph.inputs[0]
    image, grown = (Tensor(name, old.shape, old.dtype) for name in ("theirs", "grown"))
    factor, offset = (
        Tensor.constant(name, np.array([value], np.float32))
        for name, value in (("factor", 1 / (high - low)), ("offset", -low / (high - low)))
    )
    ops = [
        Op("MUL", [image, factor], [grown], schema.MulOptionsT()),
        Op("ADD", [grown, offset], [old], schema.AddOptionsT()),
    ]
    graph.inputs, graph.ops, graph.signature = [image], ops + graph.ops, {}
    return graph


def with_classes(model: bytes, classes: int, person: int, softmax: bool) -> Graph:
    """The model with `classes` channels of logits, one of them the person's."""
    graph = read(model)
    logistic = graph.producer(graph.outputs[0])
    assert logistic is not None
    assert logistic.name == "LOGISTIC"
    logits = logistic.input(0)
    graph.ops.remove(logistic)
    weights = np.zeros((classes, 1, 1, 1), np.float32)
    weights[person] = 1
    # A softmax over the person's logit and zeros: the more classes, the less they may weigh.
    bias = np.full(classes, -np.log(classes - 1), np.float32)
    bias[person] = 0
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = 1
    wide = Tensor("wide", (*logits.shape[:3], classes), logits.dtype)
    constants = [Tensor.constant("pick", weights), Tensor.constant("pick_bias", bias)]
    graph.ops.append(Op("CONV_2D", [logits, *constants], [wide], options))
    graph.outputs, graph.signature = [wide], {}
    if softmax:
        chances, beta = Tensor("chances", wide.shape, wide.dtype), schema.SoftmaxOptionsT()
        beta.beta = 1.0
        graph.ops.append(Op("SOFTMAX", [wide], [chances], beta))
        graph.outputs = [chances]
    return graph


@pytest.mark.parametrize(("feed", "low", "high"), [("unit", 0, 1), ("signed", -1, 1), ("bytes", 0, 255)])
def test_how_it_is_fed_is_found_out(landscape: bytes, feed: str, low: float, high: float) -> None:
    ways = find_ways(write(fed_with(landscape, low, high)), Wish())
    best = max(ways, key=lambda way: way.iou)
    assert (best.feed, best.channel) == (feed, 0)
    assert best.iou > 0.8


@pytest.mark.parametrize(("classes", "person"), [(2, 0), (2, 1), (21, 15)])
@pytest.mark.parametrize("softmax", [True, False])
def test_the_persons_channel_is_found_out_and_the_mask_is_the_same(
    landscape: bytes, tmp_path: Path, classes: int, person: int, softmax: bool
) -> None:
    model = tmp_path / "Their Model.tflite"
    model.write_bytes(write(with_classes(landscape, classes, person, softmax)))
    said = list(import_model(model, tmp_path, None, Wish()))
    assert f"taken: unit, channel {person}" in said
    tier = files.tier("their-model-96x160-fp32", tmp_path)
    assert (tier.asset, tier.licence) == ("Their Model.tflite", "unknown")
    picture = np.full((96, 160, 3), 90, np.uint8)
    picture[20:, 50:110] = (120, 150, 200)
    ours = Segmenter("selfie-landscape-96x160-fp32", refine=False, follow=False).mask(picture)
    theirs = Segmenter(tier.name, refine=False, follow=False, models=tmp_path).mask(picture)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_second_import_asks_and_the_others_stay(landscape: bytes, tmp_path: Path) -> None:
    model = tmp_path / "one.tflite"
    model.write_bytes(landscape)
    list(import_model(model, tmp_path, None, Wish(name="first")))
    list(import_model(model, tmp_path, None, Wish(name="second", licence="MIT")))
    before = (tmp_path / "catalogue.yaml").read_bytes()
    with pytest.raises(UsageError, match="There is a tier second already"):
        list(import_model(model, tmp_path, None, Wish(name="second")))
    assert (tmp_path / "catalogue.yaml").read_bytes() == before
    list(import_model(model, tmp_path, None, Wish(name="second", licence="ISC", replace=True)))
    known = files.tiers(tmp_path)
    assert (known["first"].licence, known["second"].licence) == ("unknown", "ISC")
    with pytest.raises(UsageError, match="There is a tier selfie-landscape-144x256-fp16 already"):
        list(import_model(model, tmp_path, None, Wish(name="selfie-landscape-144x256-fp16")))


def test_what_finds_nobody_is_refused_and_nothing_is_written(landscape: bytes, tmp_path: Path) -> None:
    graph = read(landscape)
    for tensor in graph.tensors():
        if tensor.data is not None and tensor.data.dtype == np.float32:
            tensor.data = np.zeros_like(tensor.data)
    model = tmp_path / "blind.tflite"
    model.write_bytes(write(graph))
    with pytest.raises(ModelError, match="finds no person in the known-answer picture"):
        list(import_model(model, tmp_path / "models", None, Wish()))
    assert not (tmp_path / "models").exists()


def command(*words: object) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "quantize", *(str(word) for word in words)]
    return subprocess.run(arguments, check=False, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--feed", "byte"], 2, "There is no --feed 'byte'; did you mean 'bytes'?"),
        (["--fit", "crop"], 2, "There is no --fit 'crop'"),
        (["--channel", "1"], 2, "--channel is 1; the model has 1, counted from 0"),
        (["--output", "nothing"], 4, "no output nothing"),
        (["--golden", "nowhere"], 2, "no golden set in nowhere"),
        (["--feed", "bytes"], 4, "finds no person"),
    ],
)
def test_wrong_words_get_one_sentence(
    landscape: bytes, tmp_path: Path, options: list[str], code: int, says: str
) -> None:
    model = tmp_path / "one.tflite"
    model.write_bytes(landscape)
    done = command("import", model, "--models", tmp_path / "m", *options)
    errors = [line for line in done.stderr.splitlines() if line.startswith("quantize: ")]
    assert (done.returncode, len(errors)) == (code, 1), done.stderr
    assert says in errors[0]
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("content", [None, b"", b"PNG" * 100])
def test_what_is_no_model_gets_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    model = tmp_path / "one.tflite"
    if content is not None:
        model.write_bytes(content)
    done = command("import", model, "--models", tmp_path / "m")
    assert done.returncode in (2, 4)
    assert done.stderr.startswith("quantize: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_command_imports_and_edgeseg_lists_it(landscape: bytes, tmp_path: Path) -> None:
    model = tmp_path / "one.tflite"
    model.write_bytes(landscape)
    assert command("import", model, "--models", tmp_path, "--licence", "MIT").returncode == 0
    listing = subprocess.run(
        [sys.executable, "-m", "edgeseg", "tiers", "--json", "--models", str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    rows = {row["name"]: row for row in json.loads(listing.stdout)}
    assert rows["one-96x160-fp32"]["path"] == str(tmp_path / "one-96x160-fp32.tflite")
