"""The tables of docs/tiers.md: each stands between two marks, and the prose around them stays as it is."""

from __future__ import annotations

from pathlib import Path

from edgeseg.errors import NotPermitted, UsageError
from quantize.report.facts import Evidence
from quantize.report.tables import disputed, ladder, outside, passes


def blocks(evidence: Evidence) -> dict[str, str]:
    """Name of the marks -> what stands between them."""
    doubts = "".join(f"\n\n{sentence}" for sentence in disputed(evidence))
    none = "There are none: every candidate is a tier."
    return {
        "ladder": f"{evidence.made_by}\n\n{ladder(evidence).markdown()}{doubts}",
        "outside": outside(evidence).markdown() if evidence.outside else none,
        "passes": passes(evidence).markdown(),
    }


def read(path: Path) -> str:
    """The file as it is; a heading where there is none. Raises UsageError if marks are wrong, NotPermitted."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "# Tiers\n"
    except (OSError, UnicodeDecodeError) as error:
        raise NotPermitted(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    for name in ("ladder", "outside", "passes"):
        begin, end = marks(name)
        counts = (text.count(begin), text.count(end))
        if counts != (0, 0) and (counts != (1, 1) or text.index(begin) > text.index(end)):
            raise UsageError(f"{path} must hold one {begin!r} and after it one {end!r}, or neither.")
    return text


def rewritten(text: str, evidence: Evidence) -> str:
    """The text with its tables anew; those whose marks are missing are put at the end."""
    for name, block in blocks(evidence).items():
        begin, end = marks(name)
        marked = f"{begin}\n{block}\n{end}"
        if begin in text:
            text = text[: text.index(begin)] + marked + text[text.index(end) + len(end) :]
        else:
            text = f"{text.rstrip()}\n\n{marked}\n"
    return text


def marks(name: str) -> tuple[str, str]:
    """Where a table begins and ends."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
