"""docs/doctor.md tells of every area that findings have, and shows a page as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from edgeseg.doctor.finding import Area

TEXT = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_area_has_a_row() -> None:
    table = TEXT.partition("## What is looked at")[2].partition("##")[0]
    rows = re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)
    assert set(rows) - {"area"} == set(get_args(Area))


def test_the_page_that_is_shown_fits_80_columns() -> None:
    page = re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert page is not None
    lines = page[1].splitlines()
    assert lines[0].startswith("edgeseg ")
    assert "engines tried" in lines
    assert max(map(len, lines)) <= 80
