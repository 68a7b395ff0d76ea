"""`check`: golden sets whose pictures are wrong, one way each."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import GoldenError, UsageError
from edgeseg.golden.checking import check, examine
from edgeseg.golden.dataset import load
from edgeseg.golden.pictures import read_image, read_mask


def _mask(root: Path, name: str, values: object) -> None:
    cv2.imwrite(str(root / f"masks/{name}.png"), np.asarray(values))


def _soft_mask(root: Path) -> None:
    _mask(root, "still0", np.tile(np.arange(48, dtype=np.uint8), (32, 1)))


def _colour_mask(root: Path) -> None:
    _mask(root, "still0", np.full((32, 48, 3), 255, np.uint8))


def _deep_mask(root: Path) -> None:
    _mask(root, "still0", np.full((32, 48), 255, np.uint16))


def _small_mask(root: Path) -> None:
    _mask(root, "still0", np.full((16, 24), 255, np.uint8))


def _empty_mask(root: Path) -> None:
    _mask(root, "still0", np.zeros((32, 48), np.uint8))


def _full_room(root: Path) -> None:
    _mask(root, "room", np.full((32, 48), 255, np.uint8))


def _missing(root: Path) -> None:
    (root / "images/still0.png").unlink()
    (root / "masks/still1.png").unlink()


def _no_picture(root: Path) -> None:
    (root / "images/still0.png").write_bytes(b"not a picture")


def _same_pixels(root: Path) -> None:
    """The bytes differ: it is packed less."""
    pixels = cv2.imread(str(root / "images/still0.png"))
    cv2.imwrite(str(root / "images/still1.png"), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert (root / "images/still0.png").read_bytes() != (root / "images/still1.png").read_bytes()


def _frame_of_another_sequence(root: Path) -> None:
    (root / "images/seq1.png").write_bytes((root / "images/still0.png").read_bytes())


def _cut_short(root: Path) -> None:
    """OpenCV reads what is left of a JPEG and makes the rest grey."""
    content = cv2.imencode(".jpg", cv2.imread(str(root / "images/still0.png")))[1].tobytes()
    (root / "images/still0.png").write_bytes(content[: len(content) * 9 // 10])
    assert cv2.imread(str(root / "images/still0.png")) is not None


def _cut_short_png(root: Path) -> None:
    whole = (root / "masks/still0.png").read_bytes()
    (root / "masks/still0.png").write_bytes(whole[: len(whole) // 2])


def _other_ending(root: Path) -> None:
    (root / "images/still0.png").rename(root / "images/still0.jpeg")


def _folder_for_a_picture(root: Path) -> None:
    (root / "images/still0.png").unlink()
    (root / "images/still0.png").mkdir()


def _nothing_in_it(root: Path) -> None:
    (root / "images/still0.png").write_bytes(b"")


def _alpha_mask(root: Path) -> None:
    _mask(root, "still0", np.full((32, 48, 4), 255, np.uint8))


def _growing_sequence(root: Path) -> None:
    cv2.imwrite(str(root / "images/seq2.png"), np.zeros((40, 60, 3), np.uint8))
    _mask(root, "seq2", np.full((40, 60), 255, np.uint8))


def _link_out(root: Path) -> None:
    outside = root.parent / f"{root.name}-outside.png"
    (root / "images/still0.png").replace(outside)
    (root / "images/still0.png").symlink_to(outside)


FAULTS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "soft mask": (_soft_mask, ["7: {root}/masks/still0.png must hold 0 and 255 only; it holds 1, 2, 3, 4, 5 ... too."]),
    "colour mask": (_colour_mask, ["7: {root}/masks/still0.png must be 8-bit grey, not 3 channels of uint8."]),
    "16-bit mask": (_deep_mask, ["7: {root}/masks/still0.png must be 8-bit grey, not 1 channels of uint16."]),
    "other size": (_small_mask, ["7: masks/still0.png is 24x16, but images/still0.png is 48x32."]),
    "empty mask": (
        _empty_mask,
        ["7: masks/still0.png is empty: tag the item 'empty' if nobody is in the picture."],
    ),
    "a person where nobody is": (_full_room, ["14: masks/room.png holds a person, but the item is tagged 'empty'."]),
    "missing": (_missing, ["7: {root}/images/still0.png is missing.", "8: {root}/masks/still1.png is missing."]),
    "no picture": (_no_picture, ["7: {root}/images/still0.png cannot be read as a picture."]),
    "nothing in it": (_nothing_in_it, ["7: {root}/images/still0.png cannot be read as a picture."]),
    "a folder": (_folder_for_a_picture, ["7: {root}/images/still0.png is a folder, not a picture."]),
    "cut short": (_cut_short, ["7: {root}/images/still0.png is cut short: its end is missing, copy it anew."]),
    "cut short, PNG": (_cut_short_png, ["7: {root}/masks/still0.png cannot be read as a picture."]),
    "mask with transparency": (
        _alpha_mask,
        ["7: {root}/masks/still0.png must be 8-bit grey, not 4 channels of uint8."],
    ),
    "another ending": (
        _other_ending,
        ["7: {root}/images/still0.png is missing: did you mean 'images/still0.jpeg'?"],
    ),
    "same pixels": (
        _same_pixels,
        ["8: images/still1.png is the same picture as images/still0.png, pixel for pixel: it would count twice."],
    ),
    "same as a still": (
        _frame_of_another_sequence,
        ["11: images/seq1.png is the same picture as images/still0.png, pixel for pixel: it would count twice."],
    ),
    "sizes in a sequence": (
        _growing_sequence,
        ["12: images/seq2.png is 60x40, but sequence 'seq' began with 48x32."],
    ),
    "symbolic link": (
        _link_out,
        ["7: {root}/images/still0.png leads out of the dataset's folder through a symbolic link."],
    ),
}


@pytest.mark.parametrize(("damage", "expected"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_found(sound: Path, damage: Callable[[Path], None], expected: list[str]) -> None:
    damage(sound)
    assert check(sound) == [f"{sound / 'dataset.yaml'}:{line.format(root=sound)}" for line in expected]


def test_all_faults_are_told_at_once(sound: Path) -> None:
    for damage in (_soft_mask, _same_pixels, _growing_sequence, _full_room):
        damage(sound)
    assert [fault.split(":")[1] for fault in check(sound)] == ["7", "8", "12", "14"]


def test_a_sound_set_has_none(sound: Path) -> None:
    assert examine(sound).faults == ()
    assert examine(sound).warnings == ()


def _repeated_frame(root: Path) -> None:
    (root / "images/seq2.png").write_bytes((root / "images/seq1.png").read_bytes())


def _files_beside(root: Path) -> None:
    (root / "images/left-over.jpg").write_bytes(b"x")
    (root / "notes.yaml").write_text("a: b")
    for name in ("README.md", "LICENSE", ".DS_Store", "masks/readme.txt"):  # these belong to folders
        (root / name).write_text("x")


def _many_beside(root: Path) -> None:
    for n in range(12):
        (root / f"images/x{n:02}.jpg").write_bytes(b"x")


def _proposed(root: Path) -> None:
    (root / "pending").mkdir()
    (root / "pending/new.json").write_text("{}")
    (root / "pending/new-overlay.jpg").write_text("x")
    (root / "images/new.jpg").write_text("x")
    (root / "masks/new.png").write_text("x")


NOT_NAMED = "is not named in dataset.yaml: it is not scored."
ODD: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a frame repeats": (
        _repeated_frame,
        [
            "{root}/dataset.yaml:12: images/seq2.png is the same picture as images/seq1.png, pixel for pixel:"
            " a frame that repeats counts as one without flicker."
        ],
    ),
    "not named": (_files_beside, [f"{{root}}/notes.yaml {NOT_NAMED}", f"{{root}}/images/left-over.jpg {NOT_NAMED}"]),
    "many not named": (
        _many_beside,
        [f"{{root}}/images/x{n:02}.jpg {NOT_NAMED}" for n in range(10)]
        + ["{root}: 2 more files are not named in dataset.yaml."],
    ),
    "proposed": (
        _proposed,
        ["{root}/pending: new waits to be accepted: edgeseg golden add new --accept takes it in."],
    ),
}


@pytest.mark.parametrize(("damage", "expected"), ODD.values(), ids=ODD)
def test_what_is_odd_is_a_warning_and_no_fault(
    sound: Path, damage: Callable[[Path], None], expected: list[str]
) -> None:
    damage(sound)
    assert examine(sound).faults == ()
    assert list(examine(sound).warnings) == [line.format(root=sound) for line in expected]


def test_a_wrong_yaml_is_a_fault_and_a_wrong_path_an_error(sound: Path) -> None:
    file = sound / "dataset.yaml"
    file.write_text(file.read_text().replace("licence: CC0-1.0\n", ""))
    assert check(sound) == [f"{file}:1: 'licence' is missing."]
    with pytest.raises(UsageError, match="is no golden dataset"):
        check(sound / "images")


@pytest.mark.parametrize("which", ["golden/stills", "golden/webcam", "calibration/stills", "calibration/webcam"])
def test_the_shared_sets_are_sound(shared: Path, which: str) -> None:
    assert check(shared / which) == []
    assert load(shared / which).file.licence


def test_pictures_are_turned_as_exif_says(tmp_path: Path) -> None:
    """Orientation 6, a quarter turn, in a JPEG's APP1 segment."""
    jpeg = tmp_path / "turned.jpg"
    cv2.imwrite(str(jpeg), np.zeros((2, 4, 3), np.uint8))
    assert read_image(jpeg).shape == (2, 4, 3)
    plain = jpeg.read_bytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    app1 = b"Exif\0\0" + tiff
    jpeg.write_bytes(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + plain[2:])
    assert read_image(jpeg).shape == (4, 2, 3)


def test_a_one_bit_mask_is_as_good_as_an_eight_bit_one(tmp_path: Path) -> None:
    """As ImageMagick and Pillow write black-and-white PNGs."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([0b11110000]) for _ in range(3))
    path = tmp_path / "mask.png"
    header = struct.pack(">IIBBBBB", 8, 3, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    assert read_mask(path).tolist() == [[True] * 4 + [False] * 4] * 3


def test_reading_what_is_not_there() -> None:
    with pytest.raises(GoldenError, match=r"nowhere\.png is missing"):
        read_image(Path("nowhere.png"))
