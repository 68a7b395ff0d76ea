"""Golden sets made of pairs: what is written, what is refused, and that a set is never half of one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import GoldenError, OutputError, UsageError
from edgeseg.golden import writing
from edgeseg.golden.checking import examine
from edgeseg.golden.dataset import load
from edgeseg.golden.pairs import PairsWish, pairs
from edgeseg.golden.pictures import read_mask
from edgeseg.golden.writing import Head, write_set

HEAD = Head("mine", "CC0-1.0", "somebody: by hand # really")
PLAIN = PairsWish()


@pytest.fixture
def folders(pictures: Path) -> Path:
    """images/ and masks/ with a pair of each name; a subfolder; a hidden file and a text, which are no pictures."""
    for kind in ("images", "masks"):
        (pictures / kind / "more").mkdir()
        shutil.copy(pictures / kind / "seq0.png", pictures / kind / "more/seq0.png")
        (pictures / kind / "seq0.png").unlink()
        (pictures / kind / ".hidden.png").write_bytes(b"x")
        (pictures / kind / "readme.txt").write_bytes(b"x")
    return pictures


def _made(root: Path, wish: PairsWish = PLAIN, **options: bool) -> Path:
    write_set(root / "set", HEAD, pairs(root / "images", root / "masks", wish), **options)
    return root / "set"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_set_of_pairs_is_sound_and_holds_them_all(folders: Path) -> None:
    made = _made(folders, PairsWish(framing="upper-body", tags=("office",)))
    assert examine(made).faults == examine(made).warnings == ()
    file = load(made).file
    assert (file.name, file.version, file.licence, file.source) == ("mine", 1, HEAD.licence, HEAD.source)
    assert [item.image for item in file.items] == [
        f"images/{name}.png" for name in ("more/seq0", "room", "seq1", "seq2", "seq3", "still0", "still1", "still2")
    ]
    by_image = {item.image: item for item in file.items}
    assert by_image["images/room.png"].tags == ["office", "empty"]
    assert {(item.framing, item.tags[0]) for item in file.items} == {("upper-body", "office")}
    for item in file.items:
        source = folders / item.image
        assert (made / item.image).read_bytes() == source.read_bytes()
        assert (read_mask(made / item.mask) == read_mask(folders / item.mask)).all()
    assert _names(folders) == ["images", "masks", "set"]
    assert made.stat().st_mode & 0o777 == 0o755


def test_links_are_the_same_files(folders: Path) -> None:
    made = _made(folders, link=True)
    assert (made / "images/still0.png").samefile(folders / "images/still0.png")
    assert not (made / "masks/still0.png").samefile(folders / "masks/still0.png")


def test_masks_are_cut_only_if_that_is_asked(folders: Path) -> None:
    soft = np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1))
    cv2.imwrite(str(folders / "masks/still0.png"), soft)
    with pytest.raises(GoldenError, match=r"must hold 0 and 255 only; .* too: --threshold 128 would cut it\."):
        _made(folders)
    assert not (folders / "set").exists()
    made = _made(folders, PairsWish(threshold=100))
    assert (read_mask(made / "masks/still0.png") == (soft >= 100)).all()


def test_masks_of_other_names_and_of_zero_and_one(folders: Path) -> None:
    for path in list((folders / "masks").rglob("[!.]*.png")):
        cv2.imwrite(str(path.with_name(f"{path.stem}_mask.png")), (cv2.imread(str(path), 0) > 0).astype(np.uint8))
        path.unlink()
    made = _made(folders, PairsWish(threshold=1, suffix="_mask"))
    assert read_mask(made / "masks/still0.png").sum() == 16 * 16


def test_pictures_and_masks_in_one_folder(folders: Path) -> None:
    for path in (folders / "masks").glob("[!.]*.png"):
        shutil.copy(path, folders / "images" / f"{path.stem}-mask.png")
    shutil.rmtree(folders / "images/more")
    write_set(folders / "set", HEAD, pairs(folders / "images", folders / "images", PairsWish(suffix="-mask")))
    assert len(load(folders / "set").file.items) == 7


def _no_mask(root: Path) -> None:
    (root / "masks/still0.png").rename(root / "masks/stil0.png")


def _no_partner(root: Path) -> None:
    (root / "masks/room.png").unlink()


def _two_of_a_name(root: Path) -> None:
    shutil.copy(root / "images/still0.png", root / "images/still0.bmp")


def _other_size(root: Path) -> None:
    cv2.imwrite(str(root / "masks/still0.png"), np.full((16, 24), 255, np.uint8))


def _unreadable(root: Path) -> None:
    (root / "images/still0.png").write_bytes(b"GIF89a")


def _same_picture(root: Path) -> None:
    shutil.copy(root / "images/still0.png", root / "images/still1.png")


def _all_empty(root: Path) -> None:
    for path in (root / "masks").rglob("[!.]*.png"):
        cv2.imwrite(str(path), np.zeros((32, 48), np.uint8))


BAD: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "names differ": (
        _no_mask,
        [
            "{root}/masks/stil0.png has no picture in {root}/images: did you mean 'still0'"
            " (its name must be the same).",
            "{root}/images/still0.png has no mask in {root}/masks: did you mean 'stil0' (its name must be the same).",
        ],
    ),
    "a missing pair": (_no_partner, ["{root}/images/room.png has no mask in {root}/masks."]),
    "two of a name": (
        _two_of_a_name,
        ["{root}/images/still0.png has the same name as {root}/images/still0.bmp: keep one of them."],
    ),
    "other size": (_other_size, ["{root}/masks/still0.png is 24x16, but {root}/images/still0.png is 48x32."]),
    "unreadable": (_unreadable, ["{root}/images/still0.png cannot be read as a picture."]),
    "one picture twice": (
        _same_picture,
        [
            "{root}/set/dataset.yaml:12: images/still1.png is the same picture as images/still0.png,"
            " pixel for pixel: it would count twice."
        ],
    ),
    "nobody anywhere": (
        _all_empty,
        ["{root}/set/dataset.yaml:5: every item is tagged 'empty': there is no person to score."],
    ),
}


@pytest.mark.parametrize(("damage", "expected"), BAD.values(), ids=BAD)
def test_each_fault_is_told_and_nothing_is_left(
    folders: Path, damage: Callable[[Path], None], expected: list[str]
) -> None:
    damage(folders)
    with pytest.raises(GoldenError) as caught:
        _made(folders)
    assert str(caught.value).splitlines() == [line.format(root=folders) for line in expected]
    assert _names(folders) == ["images", "masks"]


def test_many_faults_are_told_at_once_but_not_thousands(folders: Path) -> None:
    for n in range(30):
        shutil.copy(folders / "images/still0.png", folders / f"images/x{n:02}.png")
    with pytest.raises(GoldenError) as caught:
        _made(folders)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 10 more."


def test_words_that_name_nothing(folders: Path) -> None:
    (folders / "none").mkdir()
    for images, masks, wish, said in (
        ("nowhere", "masks", PairsWish(), "nowhere is no folder"),
        ("none", "masks", PairsWish(), "none holds no picture"),
        ("images", "masks", PairsWish(suffix="_m"), "masks holds no picture whose name ends in '_m'"),
        ("images", "masks", PairsWish(threshold=0), "--threshold is 0; give a grey value from 1 to 255"),
    ):
        with pytest.raises(UsageError, match=said):
            list(pairs(folders / images, folders / masks, wish))


def test_a_mask_that_ignores_the_pictures_turn_is_told_why(folders: Path) -> None:
    jpeg = cv2.imencode(".jpg", cv2.imread(str(folders / "images/still0.png")))[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    app1 = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (folders / "images/still0.png").unlink()
    (folders / "images/still0.jpg").write_bytes(jpeg[:2] + app1 + jpeg[2:])
    with pytest.raises(GoldenError, match=r"is 48x32, but .* is 32x48; its EXIF turns it, which the mask must follow"):
        _made(folders)


def test_a_set_is_not_written_over_unless_that_is_asked(folders: Path) -> None:
    made = _made(folders)
    (made / "mine.md").write_text("x")
    with pytest.raises(UsageError, match=r"something at .*set already; give another folder, or --replace"):
        _made(folders)
    assert (made / "mine.md").exists()
    assert not (_made(folders, replace=True) / "mine.md").exists()
    (made / "dataset.yaml").unlink()
    with pytest.raises(UsageError, match="is no golden set, so it is not replaced"):
        _made(folders, replace=True)


def test_the_old_set_stays_if_the_new_one_has_faults_or_the_disk_fails(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(folders)
    before = (made / "dataset.yaml").read_text()
    kept = (folders / "masks/still0.png").read_bytes()
    _other_size(folders)
    with pytest.raises(GoldenError):
        _made(folders, replace=True)
    (folders / "masks/still0.png").write_bytes(kept)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.shutil, "copyfile", full)
    with pytest.raises(OutputError, match=r"cannot be written to .*set: No space left on device"):
        _made(folders, replace=True)
    assert (made / "dataset.yaml").read_text() == before
    assert examine(made).faults == ()
    assert _names(folders) == ["images", "masks", "set"]
