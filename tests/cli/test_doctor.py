"""`edgeseg doctor` as people run it: the page, JSON, bundles, bad input, and accelerators that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from command import Done, edgeseg, words

from edgeseg.tiers.catalogue import DEFAULT_TIER

BOARDS = Path(__file__).parents[1] / "boards"


def run(args: str | tuple[str, ...], cwd: Path, env: dict[str, str] | None = None) -> Done:
    """With no config files and no Vulkan drivers but those that are given."""
    bare = {"XDG_CONFIG_HOME": str(cwd / "none"), "XDG_STATE_HOME": str(cwd / "state")}
    return edgeseg(("doctor", *(args.split() if isinstance(args, str) else args)), cwd, env=bare | (env or {}))


def engine(done: Done, name: str) -> dict[str, object]:
    (trial,) = [one for one in done.json["engines"]["trials"] if one["engine"] == name]
    return dict(trial)


def test_the_page_fits_80_columns_and_ends_in_one_sentence(model: Path, tmp_path: Path) -> None:
    done = run("", tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.decode().splitlines()
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)
    assert "engines tried" in lines
    assert any(line.startswith("  cpu           works, ") for line in lines)
    assert any(line.startswith(("All is well", "Not all is well: ")) for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_json_has_what_was_asked_for_and_what_serves(model: Path, tmp_path: Path) -> None:
    done = run("--json", tmp_path)
    assert (done.code, done.err) == (0, "")
    engines = done.json["engines"]
    assert engines["requested"] == {"engine": "auto", "by": None, "tier": "auto", "list": engines["requested"]["list"]}
    assert engines["actual"]["engine"] == "cpu"
    assert engine(done, "cpu")["works"]
    assert {"findings", "board", "profile", "ladder", "versions"} <= set(done.json)


def test_an_engine_that_is_asked_for_and_refused_is_a_fault_with_its_remedy(model: Path, tmp_path: Path) -> None:
    done = run("--json --engine edgetpu", tmp_path)
    assert done.code == 0
    worst = done.json["findings"][0]
    assert worst["severity"] == "fault"
    assert worst["what"].startswith("The engine edgetpu is asked for (--engine) and does not run: ")
    assert worst["what"].endswith("The CPU serves in its place.")
    assert worst["remedy"].startswith("Install libedgetpu1-std")
    assert done.json["engines"]["would_take"]["engine"] == "edgetpu"
    assert done.json["engines"]["actual"]["engine"] == "cpu"
    assert run("--strict --engine edgetpu", tmp_path).code == 4
    assert run(("--strict", "--root", str(BOARDS / "pi-5/root")), tmp_path).code == 0


def test_a_gpu_in_software_is_named_and_refused_or_found_to_be_slow(
    model: Path, tmp_path: Path, software_gpu: None
) -> None:
    refused = run("--json", tmp_path)
    assert "SwiftShader" in str(engine(refused, "gpu")["refusal"])
    assert refused.json["engines"]["actual"]["engine"] == "cpu"
    taken = run("--json --engine gpu --allow-software-gpu", tmp_path)
    gpu = engine(taken, "gpu")
    assert gpu["works"], gpu["refusal"]
    assert taken.json["engines"]["actual"]["engine"] == "gpu"
    assert "SwiftShader" in taken.json["engines"]["actual"]["adapter"]
    said = " ".join(one["what"] for one in taken.json["findings"] if one["severity"] == "warning")
    assert "which is the CPU in disguise" in said
    assert "is slower than the CPU here" in said


def test_an_npu_that_falls_back_in_silence_is_found_out(model: Path, tmp_path: Path, openvino: None) -> None:
    works = run("--json --engine npu --engine-device CPU", tmp_path)
    assert engine(works, "npu")["works"], engine(works, "npu")["refusal"]
    silent = run("--json --engine npu", tmp_path)  # OpenVINO is here, and no NPU
    worst = silent.json["findings"][0]
    assert worst["severity"] == "fault"
    assert "LiteRT fell back to the CPU in silence, although LiteRT calls it fully accelerated" in worst["what"]
    assert silent.json["engines"]["actual"]["engine"] == "cpu"


def test_a_faulty_config_file_is_a_finding_and_the_doctor_goes_on(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("engine: gpux\nfps: fast\n")
    done = run("--json --config mine.yaml", tmp_path)
    assert (done.code, done.err) == (0, "")
    faults = [one for one in done.json["findings"] if one["area"] == "config"]
    assert [one["where"] for one in faults] == ["mine.yaml:1", "mine.yaml:2"]
    assert engine(done, "cpu")["works"]


def test_a_bundle_holds_no_secret_and_its_board_can_be_looked_at(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "annette"
    home.mkdir()
    (home / "mine.yaml").write_text("source: gst:rtspsrc location=rtsp://bob:hunter2@cam/\nsink: images:xanadu\n")
    env = {"HOME": str(home), "USER": "annette", "EDGESEG_STATE": str(home / "state")}
    done = run("--config annette/mine.yaml --bundle all.tar", tmp_path, env)
    assert done.code == 0
    (sentence,) = done.sentences
    assert sentence.startswith("all.tar is for an issue report; left out: user and host names, ")
    with tarfile.open(tmp_path / "all.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for secret in (b"annette", b"hunter2", b"xanadu", b"mine.yaml"):
            assert secret not in content, path
    assert json.loads((tmp_path / "out/edgeseg-doctor/doctor.json").read_text())["engines"]["actual"]["engine"] == "cpu"
    assert run("--root out/edgeseg-doctor/board", tmp_path).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.tar", "annette", "out"]


BAD = [
    ("--root nowhere", 2, "--root nowhere does not exist"),
    ("--root file", 2, "--root file is no folder"),
    ("--engine gpux", 2, "There is no engine 'gpux'; did you mean 'gpu'?"),
    ("--engine chroma", 2, "There is no engine 'chroma'"),
    ("--engine-device CPU", 2, "--engine-device belongs to --engine npu and edgetpu"),
    ("--tier selfi", 2, "There is no tier 'selfi'; did you mean"),
    ("--threads 99", 2, "--threads is 99; give 1 to 64"),
    ("--models nowhere", 2, "The folder of models 'nowhere' is not there"),
    ("--profile pi-9", 2, "There is no profile 'pi-9'"),
    ("--instance door", 2, "There is no instance 'door'"),
    ("--config nowhere.yaml", 2, "nowhere.yaml is not there"),
    ("--config folder", 2, "folder is a folder"),
    ("extra", 2, "extra"),
    (
        "--bundle nowhere/a.tar",
        7,
        "The bundle cannot be written to nowhere/a.tar: No such file or directory; name a file",
    ),
    ("--bundle folder", 7, "The bundle cannot be written to folder: it is no file; name one"),
    ("--bundle /dev/full", 7, "The bundle cannot be written to /dev/full: it is no file"),
    (f"--bundle {'x' * 300}", 7, "File name too long"),
]


@pytest.mark.parametrize(("args", "code", "says"), BAD, ids=[args for args, _, _ in BAD])
def test_bad_input_is_one_sentence(tmp_path: Path, args: str, code: int, says: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    root = ("--root", str(BOARDS / "pi-5/root")) if "--bundle" in args else ()
    done = run((*args.split(), *root), tmp_path)
    assert (done.code, len(done.sentences)) == (code, 1), done.err
    assert says in done.sentences[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_leaves_the_old_bundle(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    doctor = f"{edgeseg_path()} doctor --root {BOARDS / 'pi-5/root'} --bundle small/a.tar"
    script = (
        "mount -t tmpfs -o size=8k none small && echo old > small/a.tar &&"
        f" {doctor}; code=$?; ls -A small; cat small/a.tar; exit $code"
    )
    done = shell(script, tmp_path)
    if "mount" in done.err or "unshare" in done.err:
        pytest.skip(f"nothing can be mounted here: {done.err.splitlines()[0]}")
    assert done.code == 7
    assert "The bundle cannot be written to small/a.tar: No space left on device; " in done.err
    assert done.out.decode().endswith("a.tar\nold\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_it_runs_where_folders_of_the_kernel_s_are_empty(model: Path, tmp_path: Path) -> None:
    mounts = " && ".join(f"mount -t tmpfs none {folder}" for folder in ("/sys", "/proc/pressure", "/dev/shm"))
    done = shell(f"{mounts} && {edgeseg_path()} doctor --json", tmp_path)
    if done.code == 1 or "unshare" in done.err:
        pytest.skip(f"nothing can be mounted here: {done.err}")
    assert (done.code, done.sentences) == (0, []), done.err
    assert done.json["engines"]["actual"]["tier"] == DEFAULT_TIER


def edgeseg_path() -> str:
    return words("")[0]


def shell(script: str, cwd: Path) -> Done:
    """A script in a mount namespace of its own."""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=cwd, capture_output=True, timeout=90, check=False)
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
