"""python -m quantize edgetpu: a tier's file for Coral's compiler, and the compiled file as a tier."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeseg.errors import AssetError, OutputError, UsageError
from edgeseg.tiers import files
from edgeseg.tiers.catalogue import catalogue
from quantize.edgetpu.export import Export, export, prepare, table
from quantize.graph.flatbuffer import read, write
from quantize.graph.graph import Tensor
from quantize.graph.passes.activations import expand_hard_swish
from quantize.graph.validate import validate

PROJECT = Path(__file__).parents[2]
SOURCE, MINE = "selfie-landscape-96x160-fp32", "mine-96x160-int8"
Int8 = npt.NDArray[np.int8]


@pytest.fixture(scope="session")
def picture(asset: Callable[[str], Path]) -> npt.NDArray[np.float32]:
    """The astronaut as the model takes her."""
    rgb = cv2.cvtColor(cv2.imread(str(asset("astronaut"))), cv2.COLOR_BGR2RGB)
    return cv2.resize(rgb, (160, 96), interpolation=cv2.INTER_AREA)[None].astype(np.float32) / 255


@pytest.fixture(scope="session")
def int8_file(tier_file: Callable[[str], Path], picture: npt.NDArray[np.float32]) -> bytes:
    """INT8 by the quantizer's own ways, which leaves DEPTH_TO_SPACE in float."""
    from ai_edge_quantizer import quantizer, recipe

    graph = read(tier_file(SOURCE).read_bytes())
    expand_hard_swish(graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tensors kept for calibrating, which is what they are kept for
        asked = quantizer.Quantizer(write(graph), recipe.static_wi8_ai8())
        ranges = asked.calibrate({"serving_default": [{"image": picture}]})
        return bytes(asked.quantize(ranges, enable_progress_report=False).quantized_model)


def _numbers(tensor: Tensor) -> dict[str, Any]:
    q = tensor.quantization
    assert q is not None
    return {"dtype": str(tensor.dtype), "scale": float(q.scale[0]), "zero_point": int(q.zero_point[0])}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, int8_file: bytes) -> Path:
    """The user's own folder of models, with an INT8 tier of theirs."""
    folder = tmp_path / "models"
    folder.mkdir()
    graph = read(int8_file)
    row = {
        "family": "selfie-landscape",
        "asset": "selfie-landscape",
        "height": 96,
        "width": 160,
        "precision": "int8",
        "sha256": hashlib.sha256(int8_file).hexdigest(),
        "bytes": len(int8_file),
        "fit": "stretch",
        "input": _numbers(graph.inputs[0]),
        "output": _numbers(graph.outputs[0]),
        "licence": "Apache-2.0",
    }
    (folder / f"{MINE}.tflite").write_bytes(int8_file)
    (folder / "catalogue.yaml").write_text(json.dumps({MINE: row}))
    monkeypatch.setenv(files.VARIABLE, str(folder))
    return folder


def run(content: bytes, picture: npt.NDArray[np.float32]) -> Int8:
    """The mask that LiteRT makes on the CPU."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    scale, zero = image["quantization"]
    interpreter.set_tensor(image["index"], (np.round(picture / scale) + zero).clip(-128, 127).astype(np.int8))
    interpreter.invoke()
    mask: Int8 = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return mask


def kinds(content: bytes) -> set[str]:
    return {op.name for op in read(content).ops}


def say(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quantize", "edgetpu", *(str(word) for word in words)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


class TestTheFile:
    def test_it_computes_the_same_to_the_bit(self, int8_file: bytes, picture: npt.NDArray[np.float32]) -> None:
        made = prepare(int8_file)
        assert kinds(int8_file) - kinds(made) == {"DEQUANTIZE", "DEPTH_TO_SPACE", "QUANTIZE"}
        assert kinds(made) - kinds(int8_file) == {"TRANSPOSE_CONV"}
        before = run(int8_file, picture)
        assert before.max() > 100
        assert before.min() < -100
        assert np.array_equal(before, run(made, picture))
        noise = np.random.default_rng(0).uniform(size=picture.shape).astype(np.float32)
        assert np.array_equal(run(int8_file, noise), run(made, noise))

    def test_every_operation_of_it_would_be_mapped(self, models: Path, tmp_path: Path) -> None:
        made = export(MINE, tmp_path / "out")
        assert made.supported == made.mapped == len(made.findings) > 100
        doubtful = {finding.op for finding in made.findings if finding.doubt}
        assert doubtful == {"RESIZE_BILINEAR", "TRANSPOSE_CONV"}
        assert 0 < made.surely < made.mapped

    def test_versions_are_those_of_tensorflows_converter(self, int8_file: bytes) -> None:
        graph = read(prepare(int8_file))
        versions = {(op.name, op.version) for op in graph.ops}
        assert {("CONV_2D", 3), ("ADD", 2), ("RESIZE_BILINEAR", 3), ("TRANSPOSE_CONV", 2)} <= versions

    def test_exported_twice_it_is_equal(self, int8_file: bytes) -> None:
        assert prepare(int8_file) == prepare(int8_file) == prepare(prepare(int8_file))

    @pytest.mark.parametrize("name", [name for name, tier in catalogue().items() if tier.precision == "int8"])
    def test_our_own_int8_tiers(self, name: str, tier_file: Callable[[str], Path], tmp_path: Path) -> None:
        tier_file(name)
        made = export(name, tmp_path)
        assert made.supported == made.mapped == len(made.findings)
        graph, before = read(made.content), read(files.load(made.tier))
        assert [_numbers(t) for t in graph.inputs + graph.outputs] == [
            _numbers(t) for t in before.inputs + before.outputs
        ]
        noise = np.random.default_rng(0).uniform(size=graph.inputs[0].shape).astype(np.float32)
        assert np.array_equal(run(files.load(made.tier), noise), run(made.content, noise))


class TestTheCommand:
    def test_what_it_says(self, models: Path, tmp_path: Path) -> None:
        done = say(MINE, "--output", tmp_path / "for coral")
        assert done.returncode == 0, done.stderr
        path = tmp_path / "for coral" / f"{MINE}.tflite"
        assert path.is_file()
        assert not done.stderr
        assert f"edgetpu_compiler -s -o '{path.parent}' '{path}'" in done.stdout
        assert re.search(
            r"(\d+) of \1 operations are on Coral's list; \1 would run on the Edge TPU, \d+ if", done.stdout
        )
        assert f"put {MINE}_edgetpu.tflite into {models}" in done.stdout

    def test_json(self, models: Path, tmp_path: Path) -> None:
        done = say(MINE, "--json", "--output", tmp_path)
        said = json.loads(done.stdout)
        content = (tmp_path / f"{MINE}.tflite").read_bytes()
        assert said["sha256"] == hashlib.sha256(content).hexdigest()
        assert said["bytes"] == len(content)
        assert said["operations"] == said["supported"] == said["mapped"] == len(said["findings"])
        assert said["command"] == ["edgetpu_compiler", "-s", "-o", str(tmp_path), said["file"]]

    def test_errors_are_one_sentence(self, models: Path) -> None:
        done = say("selfie-landscape-144x256-fp16", "--json")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("quantize: selfie-landscape-144x256-fp16 computes in float")


class TestWhatIsRefused:
    def test_a_float_tier_names_its_int8_twin(self, models: Path, tmp_path: Path) -> None:
        name = "selfie-landscape-96x160-fp16"
        twin = "selfie-landscape-96x160-int8" if "selfie-landscape-96x160-int8" in catalogue() else MINE
        with pytest.raises(UsageError, match=f"^{name} computes in float and .* integers only; export {twin}.$"):
            export(name, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_an_unknown_tier_names_the_nearest(self, models: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"no tier 'mine-96x160-int'; did you mean '{MINE}'"):
            export("mine-96x160-int", tmp_path)

    def test_a_folder_of_models_as_output(self, models: Path) -> None:
        before = (models / f"{MINE}.tflite").read_bytes()
        with pytest.raises(
            UsageError, match=f"holds models, among which the file would be taken for {MINE}; see --out"
        ):
            export(MINE, models.parent / "." / "models")
        assert (models / f"{MINE}.tflite").read_bytes() == before

    def test_a_file_that_is_not_the_tiers(self, models: Path, tmp_path: Path) -> None:
        (models / f"{MINE}.tflite").write_bytes(b"another")
        with pytest.raises(AssetError, match=f"is not the tier {MINE}"):
            export(MINE, tmp_path)

    def test_no_folder_to_write_to(self, models: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=r"cannot be written to .*file"):
            export(MINE, tmp_path / "file")

    def test_a_full_disk_leaves_the_old_file(
        self, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        old = tmp_path / f"{MINE}.tflite"
        old.write_bytes(b"old")
        monkeypatch.setattr("quantize.build.os.fsync", full)
        with pytest.raises(OutputError, match="No space left on device; the old files stay"):
            export(MINE, tmp_path)
        assert old.read_bytes() == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == [old.name, "models"]


def test_a_compiled_file_in_a_folder_of_models_is_a_tier(models: Path, tmp_path: Path, edgetpu_model: bytes) -> None:
    name = f"{MINE}-edgetpu"
    assert name not in files.tiers()
    export(MINE, tmp_path / "out")
    (models / f"{MINE}_edgetpu.tflite").write_bytes(edgetpu_model)
    tier = files.tier(name)
    assert (tier.twin, tier.io, tier.input) == (MINE, files.tier(MINE).io, files.tier(MINE).input)
    assert files.load(tier) == edgetpu_model
    with pytest.raises(UsageError, match=f"{name} is compiled already; export {MINE}, which it was made from"):
        export(name, tmp_path)


def test_the_table_tells_what_runs_where(int8_file: bytes) -> None:
    from rich.console import Console

    from quantize.edgetpu.check import check

    graph = read(int8_file)  # not prepared: DEPTH_TO_SPACE is between float operations
    validate(graph)
    made = Export(next(iter(catalogue().values())), Path("x.tflite"), int8_file, check(graph))
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(table(made))
    console.file.close()
    text = console.export_text()
    for cells in (("DEPTH_TO_SPACE", "CPU: is not on Coral's list"), ("QUANTIZE", "CPU: computes with float32")):
        assert any(all(cell in line for cell in cells) for line in text.splitlines())
    assert "CPU: after one that is refused" in text
