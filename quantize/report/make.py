"""From golden sets to the page and the tables, which are written when all of it is there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edgeseg.errors import OutputError
from quantize.admit import Step
from quantize.report import docs
from quantize.report.gather import gather
from quantize.report.page import page


def report(golden: Path, output: Path, docs_file: Path, asset_dir: str | None, step: Step) -> None:
    """Measure, and write the page to `output` and the tables into `docs_file`.

    Raises what `gather` does, and OutputError, UsageError or NotPermitted for the files, before anything is measured
    where that can be told.
    """
    text = docs.read(docs_file)
    for path in (output, docs_file):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise OutputError(f"{path} cannot be written; give a file in a folder that may be written to.")
    evidence = gather(golden, asset_dir, step)
    put(output, page(evidence))
    put(docs_file, docs.rewritten(text, evidence))


def put(path: Path, text: str) -> None:
    """Write a file so that it is there whole or as it was; raises OutputError."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        new = Path(name)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            new.chmod(0o644)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; what was there stays.") from error
