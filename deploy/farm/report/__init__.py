"""The report of a run: report.html for eyes, report.json for programs, junit.xml for CI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.farm.judging import Outcome
from deploy.farm.report import junit, listing, page
from deploy.farm.report.pictures import MOST_BYTES, Album
from edgeseg.errors import OutputError
from edgeseg.golden.dataset import Dataset


def write(
    folder: Path, outcomes: Sequence[Outcome], golden: Dataset, baselines: Path, when: str, most_bytes: int = MOST_BYTES
) -> list[Path]:
    """Write the three files into `folder`, and return them.

    golden: the set that was run, for the pictures. when: the date and time that the page shows. most_bytes: of the
    pictures in the page. Raises OutputError; a picture that cannot be read is left out of the page.
    """
    album = Album(golden, baselines, most_bytes)
    files = {
        "report.html": page.render(outcomes, album, when),
        "report.json": listing.render(outcomes),
        "junit.xml": junit.render(outcomes),
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            unfinished = folder / f"{name}.part"
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(folder / name)
            written.append(folder / name)
    except OSError as error:
        raise OutputError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error
    return written
