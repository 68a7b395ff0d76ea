"""A picture more: proposed, corrected, taken in; and all the ways in which that is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import EdgesegError, EngineFault, GoldenError, OutputError, UsageError
from edgeseg.frames import U8
from edgeseg.golden import adding
from edgeseg.golden.adding import About, GreyMask, accept, forget, propose
from edgeseg.golden.checking import Findings, examine
from edgeseg.golden.dataset import load
from edgeseg.golden.editing import VARIABLE, open_editor
from edgeseg.golden.pictures import read_image, read_mask

SIZE = (40, 56)
ABOUT = About("upper-body", ("glasses", "dim"), "CC-BY-4.0", "me: at my desk")


def _left_half(bgr: U8) -> U8:
    alpha = np.zeros(bgr.shape[:2], np.uint8)
    alpha[:, : bgr.shape[1] // 2] = 128
    alpha[:, bgr.shape[1] // 2 :] = 127
    return alpha


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "me.jpg"
    cv2.imwrite(str(path), np.random.default_rng(9).integers(0, 256, (*SIZE, 3), np.uint8))
    return path


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_picture_is_proposed_corrected_and_taken_in(sound: Path, picture: Path) -> None:
    remark = "# every picture here was taken by us\n"
    (sound / "dataset.yaml").write_text(remark + (sound / "dataset.yaml").read_text())
    before = _files(sound)
    proposal = propose(sound, picture, ABOUT, _left_half)
    assert _files(sound) - before == {"images/me.jpg", "masks/me.png", "pending/me.json", "pending/me-overlay.jpg"}
    assert (sound / "images/me.jpg").read_bytes() == picture.read_bytes()
    assert (read_mask(proposal.mask)[:, :28]).all()
    assert not read_mask(proposal.mask)[:, 28:].any()
    assert read_image(proposal.overlay).shape == (*SIZE, 3)
    assert load(sound).file.version == 1
    assert [warning.partition(": ")[2] for warning in examine(sound).warnings] == [
        "me waits to be accepted: edgeseg golden add me --accept takes it in."
    ]

    corrected = np.zeros(SIZE, np.uint8)
    corrected[5:30, 10:40] = 255
    cv2.imwrite(str(proposal.mask), corrected)
    item = accept(sound, "me")

    assert (item.image, item.framing, item.tags) == ("images/me.jpg", "upper-body", ["glasses", "dim"])
    assert (item.licence, item.source) == ("CC-BY-4.0", "me: at my desk")
    assert load(sound).file.version == 2
    assert load(sound).file.items[-1] == item
    assert (read_mask(sound / item.mask) == (corrected == 255)).all()
    assert (sound / "dataset.yaml").read_text().startswith(remark)
    assert _files(sound) - before == {"images/me.jpg", "masks/me.png"}
    assert not (sound / "pending").exists()
    assert examine(sound) == Findings(())


def test_an_empty_room_is_proposed_with_nobody(sound: Path, picture: Path) -> None:
    proposal = propose(sound, picture, About(tags=("empty",)), _left_half)
    assert not read_mask(proposal.mask).any()
    assert accept(sound, "me").is_empty


def _grey(mask: Path) -> None:
    """As an editor with soft brushes leaves it."""
    cv2.imwrite(str(mask), np.tile(np.linspace(0, 255, SIZE[1]).astype(np.uint8), (SIZE[0], 1)))


def _colour(mask: Path) -> None:
    """As an editor that knows no grey saves it, with transparency."""
    cv2.imwrite(
        str(mask), np.where(np.arange(SIZE[1])[None, :, None] < 20, np.uint8(255), np.full((*SIZE, 4), 1, "u1"))
    )


@pytest.mark.parametrize("save", [_grey, _colour])
def test_grey_values_are_cut_only_with_consent(sound: Path, picture: Path, save: Callable[[Path], None]) -> None:
    proposal = propose(sound, picture, ABOUT, _left_half)
    save(proposal.mask)
    saved, text = proposal.mask.read_bytes(), (sound / "dataset.yaml").read_text()
    with pytest.raises(GreyMask, match=r"must .*: --clean cuts it at 128\."):
        accept(sound, "me")
    assert (proposal.mask.read_bytes(), (sound / "dataset.yaml").read_text()) == (saved, text)
    grey = cv2.imread(str(proposal.mask), cv2.IMREAD_GRAYSCALE)
    accept(sound, "me", clean=True)
    assert (read_mask(proposal.mask) == (grey >= 128)).all()
    assert examine(sound).faults == ()


def _other_size(mask: Path) -> None:
    cv2.imwrite(str(mask), np.full((8, 9), 255, np.uint8))


def _nobody(mask: Path) -> None:
    cv2.imwrite(str(mask), np.zeros(SIZE, np.uint8))


def _gone(mask: Path) -> None:
    mask.unlink()


def _no_picture(mask: Path) -> None:
    mask.write_bytes(b"GIMP XCF")


WRONG = {
    "other size": (_other_size, "me.png is 9x8, but its picture is 56x40: save it at that size."),
    "nobody": (_nobody, "me.png holds nobody: correct it, or propose the picture --again with other tags."),
    "gone": (_gone, "me.png is missing."),
    "no picture": (_no_picture, "me.png cannot be read as a picture."),
}


@pytest.mark.parametrize(("save", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_correction_waits_on(sound: Path, picture: Path, save: Callable[[Path], None], said: str) -> None:
    proposal = propose(sound, picture, ABOUT, _left_half)
    save(proposal.mask)
    text = (sound / "dataset.yaml").read_text()
    with pytest.raises(GoldenError) as caught:
        accept(sound, "me", clean=True)
    assert str(caught.value).endswith(said)
    assert (sound / "dataset.yaml").read_text() == text
    cv2.imwrite(str(proposal.mask), np.full(SIZE, 255, np.uint8))
    assert accept(sound, "me").image == "images/me.jpg"


def test_somebody_in_an_empty_room_is_refused(sound: Path, picture: Path) -> None:
    proposal = propose(sound, picture, About(tags=("empty",)), _left_half)
    cv2.imwrite(str(proposal.mask), np.full(SIZE, 255, np.uint8))
    with pytest.raises(GoldenError, match="holds a person, but the picture is tagged 'empty'"):
        accept(sound, "me")


def _again(root: Path, picture: Path) -> Path:
    propose(root, picture, ABOUT, _left_half)
    return picture


def _named_as_one(root: Path, picture: Path) -> Path:
    return picture.rename(picture.with_name("still0.jpg"))


def _the_same_bytes(root: Path, picture: Path) -> Path:
    return Path(shutil.copy(root / "images/still0.png", picture.with_name("other.png")))


def _a_mask_there(root: Path, picture: Path) -> Path:
    (root / "masks/me.png").write_bytes(b"somebody's work")
    return picture


def _no_name(root: Path, picture: Path) -> Path:
    return picture.rename(picture.with_name("-me at home.jpg"))


def _not_there(root: Path, picture: Path) -> Path:
    return picture.with_name("gone.jpg")


def _is_none(root: Path, picture: Path) -> Path:
    picture.write_bytes(b"x")
    return picture


REFUSED: dict[str, tuple[Callable[[Path, Path], Path], type[EdgesegError], str]] = {
    "waits already": (_again, UsageError, "waits in .* already: --accept takes it in, --again proposes it anew"),
    "name taken": (_named_as_one, UsageError, "has a picture still0 already; rename"),
    "in the set": (_the_same_bytes, UsageError, r"other\.png is in the set already, as images/still0\.png"),
    "mask of somebody": (_a_mask_there, UsageError, r"me\.png is there already and would be lost"),
    "no plain name": (_no_name, UsageError, r"-me at home\.jpg needs a plain name"),
    "not there": (_not_there, UsageError, r"gone\.jpg cannot be read: No such file"),
    "no picture": (_is_none, GoldenError, r"me\.jpg cannot be read as a picture"),
}


@pytest.mark.parametrize(("arrange", "kind", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_proposed(
    sound: Path,
    picture: Path,
    arrange: Callable[[Path, Path], Path],
    kind: type[EdgesegError],
    said: str,
) -> None:
    image = arrange(sound, picture)
    before = _files(sound)
    with pytest.raises(kind, match=said):
        propose(sound, image, ABOUT, _left_half)
    assert _files(sound) == before


def test_tags_that_are_none_and_an_engine_that_fails(sound: Path, picture: Path) -> None:
    before = _files(sound)
    with pytest.raises(UsageError, match=r"^--framing: must be lower-case letters.*, not 'Upper Body'"):
        propose(sound, picture, About(framing="Upper Body"), _left_half)

    def dies(bgr: U8) -> U8:
        raise EngineFault("it died.")

    with pytest.raises(EngineFault):
        propose(sound, picture, ABOUT, dies)
    assert _files(sound) == before


def test_a_proposal_is_forgotten_and_made_anew(sound: Path, picture: Path) -> None:
    before = _files(sound)
    forget(sound, picture)
    propose(sound, picture, ABOUT, _left_half)
    forget(sound, picture)
    assert _files(sound) == before
    propose(sound, picture, About(), _left_half)
    assert accept(sound, "me").framing is None


def test_a_picture_that_lies_in_the_set_already_stays_there(sound: Path, picture: Path) -> None:
    inside = Path(shutil.copy(picture, sound / "images/me.jpg"))
    propose(sound, inside, ABOUT, _left_half)
    forget(sound, inside)
    assert inside.exists()


def test_nothing_waits(sound: Path) -> None:
    with pytest.raises(UsageError, match=r"No picture me waits in .*; propose it first, without --accept"):
        accept(sound, "me")
    (sound / "pending").mkdir()
    (sound / "pending/me.json").write_text("{")
    with pytest.raises(GoldenError, match=r"me\.json cannot be read; propose me --again"):
        accept(sound, "me")


def test_a_full_disk_leaves_the_old_dataset(sound: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    propose(sound, picture, ABOUT, _left_half)
    text = (sound / "dataset.yaml").read_text()

    def full(self: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adding.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="cannot be written: No space left on device"):
        accept(sound, "me")
    assert (sound / "dataset.yaml").read_text() == text


class TestEditor:
    def test_a_command_gets_the_files(self, tmp_path: Path) -> None:
        mask, see = tmp_path / "a mask.png", tmp_path / "see.jpg"
        assert open_editor(mask, see, {VARIABLE: "touch"})
        assert mask.exists()
        assert open_editor(mask, see, {VARIABLE: "cp {mask} {overlay}"})
        assert see.exists()

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("false", "false ended with 1; the mask waits"),
            ("no-such-editor", "no-such-editor cannot be started: No such file"),
            ("'", "which is no command"),
        ],
    )
    def test_an_editor_that_fails(self, tmp_path: Path, command: str, said: str) -> None:
        with pytest.raises(UsageError, match=said):
            open_editor(tmp_path / "m.png", tmp_path / "o.jpg", {VARIABLE: command})

    def test_without_one_the_desktops_is_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match=f"There is no xdg-open to find an editor with; name one in {VARIABLE}"):
            open_editor(tmp_path / "m.png", tmp_path / "o.jpg", {})
        (tmp_path / "xdg-open").write_text('#!/bin/sh\necho "$1" > "$0.log"\n')
        (tmp_path / "xdg-open").chmod(0o755)
        assert not open_editor(tmp_path / "m.png", tmp_path / "o.jpg", {})
        assert (tmp_path / "xdg-open.log").read_text() == f"{tmp_path / 'm.png'}\n"
