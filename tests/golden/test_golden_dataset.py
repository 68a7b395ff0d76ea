"""dataset.yaml: what is refused, in which words, at which line; what is read from a sound one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.errors import GoldenError, UsageError
from edgeseg.golden.dataset import load

Write = Callable[[str], Path]

HEADER = 'name: small\nversion: 1\nlicence: CC0-1.0\nsource: "drawn by the test"\n'  # lines 1 to 4
A = "  - {image: a.png, mask: am.png}\n"

BAD = {
    "unknown key": (HEADER + "itmes: []\nitems:\n" + A, ["5: 'itmes' is no known key: did you mean 'items'?"]),
    "unknown key of an item": (
        HEADER + "items:\n" + A + "  - image: b.png\n    mask: bm.png\n    framming: full-body\n",
        ["9: 'items[1].framming' is no known key: did you mean 'framing'?"],
    ),
    "licence missing": (HEADER.replace("licence: CC0-1.0\n", "") + "items:\n" + A, ["1: 'licence' is missing."]),
    "licence blank": (
        HEADER.replace("CC0-1.0", "'  '") + "items:\n" + A,
        ["3: licence: must not be empty, not '  '."],
    ),
    "no items": (HEADER + "items: []\n", ["5: items: must hold at least one."]),
    "empty file": ("", ["1: the file must be a mapping of keys to values, not empty."]),
    "a number for a text": (
        HEADER.replace("name: small", "name: 7") + "items:\n" + A,
        ["1: name: write text, in quotation marks if need be, not 7."],
    ),
    "parent folder": (
        HEADER + "items:\n  - {image: ../a.png, mask: /etc/am.png}\n",
        [
            "6: items[0].image: must be a path inside the dataset's folder, relative to it, not '../a.png'.",
            "6: items[0].mask: must be a path inside the dataset's folder, relative to it, not '/etc/am.png'.",
        ],
    ),
    "sequence without frame": (
        HEADER + "fps: 5\nitems:\n  - {image: a.png, mask: am.png, sequence: s}\n",
        ["7: items[0]: 'sequence' and 'frame' go together: give both or neither."],
    ),
    "all at once, in the order of the file": (
        "nmae: small\nversion: one\nlicence: x\nsource: y\nfps: -1\nitems:\n  - {image: a.png}\n",
        [
            "1: 'name' is missing.",
            "1: 'nmae' is no known key: did you mean 'name'?",
            "2: version: write a whole number, not 'one'.",
            "5: fps: must be 0 or more, not -1.",
            "7: 'items[0].mask' is missing.",
        ],
    ),
    "gaps, a frame twice, no rate": (
        HEADER
        + "items:\n"
        + "".join(
            f"  - {{image: {n}.png, mask: {n}m.png, sequence: s, frame: {f}}}\n" for n, f in enumerate([0, 2, 2, 5])
        ),
        [
            "8: frame 2 of sequence 's' is already given on line 7.",
            "1: fps must be above 0, for there are sequences.",
            "6: sequence 's' has gaps: frames 1, 3, 4 are missing (they count 0, 1, 2 ...).",
        ],
    ),
    "the same file twice": (
        HEADER + "items:\n" + A + "  - {image: ./a.png, mask: bm.png}\n",
        ["7: a.png is already used on line 6."],
    ),
    "nobody anywhere": (
        HEADER + "items:\n  - {image: a.png, mask: am.png, tags: [empty]}\n",
        ["5: every item is tagged 'empty': there is no person to score."],
    ),
    "a key twice": (HEADER + "name: again\nitems:\n" + A, ["5: 'name' is already given on line 1."]),
    "no YAML": (HEADER + "items: [\n", ["6: this is not YAML: expected the node content, but found '<stream end>'."]),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_faults_name_the_line_and_the_cure(write: Write, text: str, expected: list[str]) -> None:
    folder = write(text)
    with pytest.raises(GoldenError) as caught:
        load(folder)
    assert caught.value.exit_code == 5
    assert str(caught.value).splitlines() == [f"{folder / 'dataset.yaml'}:{line}" for line in expected]


@pytest.mark.parametrize("what", ["folder", "nowhere", "picture"])
def test_no_dataset_at_all_is_a_usage_error(tmp_path: Path, what: str) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG")
    path = tmp_path if what == "folder" else tmp_path / what
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == f"{path} is no golden dataset: give a folder that holds dataset.yaml, or that file."


def test_a_sound_set_by_its_folder_or_its_file(sound: Path) -> None:
    by_folder, by_file = load(sound), load(sound / "dataset.yaml")
    assert by_folder == by_file
    assert (by_folder.file.name, by_folder.file.version, by_folder.file.fps) == ("small", 1, 10)
    assert by_folder.item_places[0].endswith("dataset.yaml:7")


def test_sequences_run_in_the_order_of_their_frames(write: Write) -> None:
    lines = [f"  - {{image: {s}{f}.png, mask: {s}{f}m.png, sequence: {s}, frame: {f}}}\n" for f in (1, 0) for s in "ab"]
    dataset = load(write(HEADER + "fps: 5\nitems:\n" + lines[0] + A + "".join(lines[1:])))
    assert [[item.image for item in run] for run in dataset.runs()] == [
        ["a0.png", "a1.png"],
        ["a.png"],
        ["b0.png", "b1.png"],
    ]


def test_loading_touches_no_picture(write: Write) -> None:
    assert load(write(HEADER + "items:\n" + A)).file.items[0].image == "a.png"
