"""What the doctor must say of each saved board, by hand after tests/boards/README.md, and what it must not say."""

from __future__ import annotations

import pytest
from made import BOARDS

from edgeseg.clock import SystemClock
from edgeseg.doctor.asked import Options
from edgeseg.doctor.examine import Report, examine
from edgeseg.doctor.page import last_sentence, page
from edgeseg.doctor.report import as_json, is_well
from edgeseg.doctor.trial import Trial

NO_POWER = "note: Nothing that edgeseg may read measures this board's power"
NO_DOT = "note: The processor has no dot product"
HAILO = "note: The Hailo-8 or Hailo-8L is not used: it needs Hailo's own runtime (HailoRT)"
CORAL = "note: The Coral USB Accelerator is here; whether the engine edgetpu works: of a saved board that is not known."
CORAL_PCIE = "note: The Coral Edge TPU (PCIe) is here; whether the engine edgetpu works: of a saved board"
TEGRA = "note: The NVIDIA Tegra GPU is here; whether the engine gpu works: of a saved board that is not known."
BITS = "warning: The programs here are of 32 bits"
JP4 = "fault: JetPack 4 comes with Python 3.6, and edgeseg needs 3.10."
JP5 = "fault: JetPack 5 comes with Python 3.8, and edgeseg needs 3.10."
# What must be said, by the beginning of severity and sentence; faults and warnings that are not here must not be.
SAID: dict[str, tuple[str, ...]] = {
    "pi-zero-2w": (NO_DOT, NO_POWER),
    "pi-3b-plus": ("warning: The board holds itself back now: soft temperature limit.", NO_DOT, NO_POWER),
    "pi-4b": (NO_DOT, NO_POWER),
    "pi-4b-32bit": (BITS, NO_DOT, NO_POWER),
    "pi-400": ("fault: This system comes with Python 3.7, and edgeseg needs 3.10.", BITS, NO_DOT, NO_POWER),
    "pi-cm4": (NO_DOT, NO_POWER),
    "pi-5": (NO_POWER,),
    "pi-5-coral-usb": (CORAL, NO_POWER),
    "pi-5-coral-usb-ready": (CORAL, NO_POWER),
    "pi-5-coral-pcie": (CORAL_PCIE, NO_POWER),
    "pi-5-hailo": (HAILO, NO_POWER),
    "jetson-nano-jp4": (JP4, TEGRA, NO_DOT),
    "jetson-xavier-nx-jp5": (JP5, TEGRA),
    "jetson-orin-nano-jp6": (TEGRA,),
    "rock-5b": (
        "fault: This system comes with Python 3.8",
        "note: The Rockchip NPU is not used: it needs Rockc",
        NO_POWER,
    ),
    "n100": ("note: The Intel GPU 0x46d1 is here; whether the engine gpu works: of a saved board", NO_POWER),
    "this-vm": (NO_POWER, "note: There are 2 cores"),
}


def refuse(trial: Trial, *others: object) -> Trial:
    raise AssertionError(f"{trial.engine} was tried on a saved board")


def report_of(board: str) -> Report:
    return examine(Options(), SystemClock(), BOARDS / board / "root", refuse)


def test_every_board_has_a_row() -> None:
    assert set(SAID) == {path.name for path in BOARDS.iterdir() if (path / "root").is_dir()}


@pytest.mark.parametrize(("board", "said"), SAID.items(), ids=SAID)
def test_a_saved_board_is_told_what_is_in_its_way(board: str, said: tuple[str, ...]) -> None:
    report = report_of(board)
    lines = [f"{one.severity}: {one.what}" for one in report.findings]
    assert [start for start in said if not any(line.startswith(start) for line in lines)] == []
    grave = [line for line in lines if not line.startswith(("note", "fine"))]
    assert [line for line in grave if not line.startswith(said)] == []
    assert all(one.remedy for one in report.findings if one.severity != "fine")
    assert is_well(report) == (not grave)
    shown = as_json(report)
    assert shown["saved_board"]
    assert shown["outside"] is shown["engines"]["actual"] is shown["ladder"] is None


def test_the_page_says_that_nothing_was_tried() -> None:
    report = report_of("pi-5-hailo")
    text = "\n".join(map(str, page(report)))
    assert "a saved\nboard, nothing was tried" in text
    assert "engines tried" not in text
    assert last_sentence(report).startswith("As far as was saved, all is well; ")
    assert last_sentence(report_of("jetson-nano-jp4")).startswith("Not all is well: 1 fault; ")


def test_a_coral_is_told_what_it_needs() -> None:
    (one,) = [one for one in report_of("pi-5-coral-pcie").findings if "Coral" in one.what]
    assert one.what.endswith("It needs libedgetpu.")
    assert one.remedy is not None
    assert one.remedy.startswith("On the board install libedgetpu1-std, make a tier for it (docs/edgetpu.md)")
