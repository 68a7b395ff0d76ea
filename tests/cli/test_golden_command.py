"""`edgeseg golden import`, `add` and `check` as people run them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import Done, edgeseg, words

IMPORT = ("golden", "import", "set", "--images", "images", "--name", "mine", "--licence", "CC0", "--source", "us")


def done(args: str | tuple[str, ...], cwd: Path, env: dict[str, str] | None = None) -> Done:
    ran = edgeseg(args, cwd, env)
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """images/ and masks/ of a, b and an empty room; me.jpg, which is in neither."""
    rng = np.random.default_rng(4)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for n, name in enumerate(("a", "b", "room")):
        cv2.imwrite(str(tmp_path / f"images/{name}.jpg"), rng.integers(0, 256, (48, 64, 3), np.uint8))
        mask = np.zeros((48, 64), np.uint8)
        mask[8:40, 10 + n : 40] = 0 if name == "room" else 255
        cv2.imwrite(str(tmp_path / f"masks/{name}.png"), mask)
    cv2.imwrite(str(tmp_path / "me.jpg"), rng.integers(0, 256, (48, 64, 3), np.uint8))
    return tmp_path


@pytest.fixture
def made(folder: Path) -> Path:
    """The folder with the set of it."""
    done((*IMPORT, "--masks", "masks"), folder)
    return folder


def test_import_of_pairs_and_check(folder: Path) -> None:
    ran = done((*IMPORT, "--masks", "masks", "--framing", "upper-body", "--json"), folder)
    assert ran.json == {"dataset": "set", "items": 3, "empty": 1}
    assert done("golden check set", folder).out == b"set: fine\n"
    (folder / "set/images/stray.jpg").write_bytes(b"x")
    ran = done("golden check set", folder)
    assert ran.out == b"set: fine\n"
    assert ran.err == "warning: set/images/stray.jpg is not named in dataset.yaml: it is not scored.\n"
    assert done((*IMPORT, "--masks", "masks", "--replace"), folder).out == (
        b"set: 3 pictures, 1 without a person; fine\n"
    )


def test_import_of_coco(folder: Path) -> None:
    pytest.importorskip("pycocotools", reason="COCO's outlines need pycocotools")
    person = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[4, 4, 30, 4, 30, 40, 4, 40]], "iscrowd": 0}
    crowd = person | {"id": 2, "image_id": 2, "iscrowd": 1}
    images = [{"id": n, "file_name": f"{name}.jpg", "width": 64, "height": 48} for n, name in ((1, "a"), (2, "b"))]
    data = {"images": images, "annotations": [person, crowd], "categories": [{"id": 1, "name": "person"}]}
    (folder / "instances.json").write_text(json.dumps(data))
    ran = done((*IMPORT, "--coco", "instances.json"), folder)
    assert ran.out == b"set: 1 pictures, 0 without a person; fine\n"
    assert ran.err == "warning: 1 pictures with a crowd were left out; --with-crowds takes them.\n"


WRONG = [
    (("--masks", "masks", "--coco", "x.json"), 2, "Give --masks DIR or --coco JSON: where the masks come from."),
    ((), 2, "Give --masks DIR or --coco JSON: where the masks come from."),
    (("--masks", "masks", "--limit", "3"), 2, "--with-crowds, --with-empty and --limit belong to --coco."),
    (("--coco", "x.json", "--threshold", "3"), 2, "--threshold and --mask-suffix belong to --masks."),
    (("--masks", "masks", "--threshold", "300"), 2, "--threshold is 300; give a grey value from 1 to 255."),
    (("--masks", "none"), 2, "none is no folder; give one that holds pictures."),
    (
        ("--masks", "masks", "--name", "Our Set"),
        2,
        "--name: must be lower-case letters, digits, '.', '_' and '-', not 'Our Set'.",
    ),
    (("--masks", "masks", "--tag", "No Tag"), 2, "--tag: must be lower-case letters"),
    (("--masks", "masks", "--licence", ""), 2, "--licence must not be empty."),
    (("--masks", "images"), 5, "images/a.jpg must be 8-bit grey, not 3 channels of uint8: --threshold 128"),
]


@pytest.mark.parametrize(("more", "code", "said"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_import_that_cannot_be(folder: Path, more: tuple[str, ...], code: int, said: str) -> None:
    ran = edgeseg((*IMPORT, *more), folder)
    assert (ran.code, ran.out) == (code, b"")
    assert ran.sentences[0].startswith(said)
    assert not (folder / "set").exists()


def test_licence_source_and_name_are_required(folder: Path) -> None:
    for missing in ("--name", "--licence", "--source"):
        at = IMPORT.index(missing)
        ran = edgeseg((*IMPORT[:at], *IMPORT[at + 2 :], "--masks", "masks"), folder)
        assert (ran.code, ran.sentences) == (2, [f"Missing option '{missing}'."])


@pytest.mark.usefixtures("model")
class TestAdd:
    def test_proposed_then_accepted(self, made: Path) -> None:
        ran = done("golden add me.jpg --dataset set --tag empty --licence CC-BY-4.0", made)
        assert b"Proposed: set/masks/me.png (see set/pending/me-overlay.jpg)." in ran.out
        assert b"golden add me.jpg --dataset set --accept" in ran.out
        assert (edgeseg("golden add me.jpg --dataset set", made)).code == 2
        ran = done("golden add me.jpg --dataset set --accept --json", made)
        assert ran.json == {"mask": "masks/me.png", "accepted": True, "version": 2, "items": 4}
        assert done("golden check set", made).err == ""

    def test_corrected_in_an_editor(self, made: Path) -> None:
        """Grey values in the corrected mask need --clean; what was asked for is in the set."""
        grey = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
        cv2.imwrite(str(made / "corrected.png"), grey)
        editor = {"EDGESEG_MASK_EDITOR": "cp corrected.png {mask}"}
        ran = edgeseg("golden add me.jpg --dataset set --edit --framing upper-body", made, editor)
        assert ran.code == 5
        assert ran.sentences[0].endswith("too: --clean cuts it at 128.")
        ran = done("golden add me.jpg --dataset set --accept --clean", made)
        assert ran.out == b"me is in set, which is now version 2 with 4 pictures.\n"
        mask = cv2.imread(str(made / "set/masks/me.png"), cv2.IMREAD_UNCHANGED)
        assert (mask == np.where(grey >= 128, 255, 0)).all()

    def test_whoever_sits_at_a_terminal_is_asked(self, made: Path) -> None:
        leader, terminal = pty.openpty()
        cv2.imwrite(str(made / "corrected.png"), np.full((48, 64), 200, np.uint8))
        os.write(leader, b"full-body\nglasses, dim\nCC-BY-4.0\ny\n")
        ran = subprocess.run(
            words("golden add me.jpg --dataset set --edit"),
            cwd=made,
            env=os.environ | {"EDGESEG_MASK_EDITOR": "cp corrected.png {mask}"},
            stdin=terminal,
            capture_output=True,
            timeout=90,
            check=False,
        )
        os.close(leader)
        os.close(terminal)
        assert ran.returncode == 0, ran.stderr
        last = (made / "set/dataset.yaml").read_text().splitlines()[-1]
        assert last.endswith("masks/me.png, framing: full-body, tags: [glasses, dim], licence: CC-BY-4.0}")
        assert b"Framing" in ran.stderr
        assert b"Cut it at 128?" in ran.stderr
        assert b"Framing" not in ran.stdout

    @pytest.mark.parametrize(
        ("args", "code", "said"),
        [
            ("me.jpg --dataset nowhere", 2, "nowhere is no golden dataset"),
            ("gone.jpg --dataset set", 2, "gone.jpg cannot be read"),
            ("me.jpg --dataset set --accept", 2, "No picture me waits in set"),
            ("me.jpg --dataset set --tier selfy", 2, "There is no tier 'selfy'"),
            ("me.jpg --dataset set --tag No", 2, "--tag: must be lower-case letters"),
        ],
    )
    def test_what_cannot_be_added(self, made: Path, args: str, code: int, said: str) -> None:
        before = sorted(made.rglob("*"))
        ran = edgeseg(f"golden add {args}", made)
        assert (ran.code, ran.out) == (code, b"")
        assert said in ran.sentences[0]
        assert sorted(made.rglob("*")) == before
