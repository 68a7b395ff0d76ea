"""Everything that can go wrong, as one tree.

::

    EdgesegError              70  a bug: the base is never raised itself
    |-- UsageError             2  an option, a value or a configuration is wrong
    |   `-- ConfigError        2  a file that people write is wrong: a line for each fault
    |-- SourceError            3  no usable source of frames
    |-- CandidateError         4  no usable tier or engine
    |   |-- EngineFault        4  an engine failed while it ran
    |   `-- FellBack           4  another than the engine that was asked for would do the work
    |-- GoldenError            5  a golden set is broken, a gate failed, a regression
    |-- AssetError             6  an asset or a model fails its hash
    |-- OutputError            7  no usable output: missing, not writable, full
    |   `-- OutputClosed       0  the reader of a pipe went away: a normal end
    |-- NotPermitted           8  not permitted, or in use by another
    `-- Unreachable           69  something outside is away: index, network, farm device

A message is one sentence that says what was wrong, where, and what to do; of a file, a line for each fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EdgesegError(Exception):
    """The root of the tree; `exit_code` is what a command that meets it returns.

    has_lines: the message may be of more than one line, a fault each; in all others a line break is part of a name.
    """

    exit_code = 70
    has_lines = False


class UsageError(EdgesegError):
    """An option, a value or a configuration is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A file that people write is wrong; one line "file:line: what" for each fault, all at once."""

    has_lines = True


class SourceError(EdgesegError):
    """There is no usable source of frames."""

    exit_code = 3


class CandidateError(EdgesegError):
    """There is no usable tier or engine."""

    exit_code = 4


class EngineFault(CandidateError):
    """An engine failed while it ran: died, hung or returned what no mask can be."""


class FellBack(CandidateError):
    """An engine was made, and something else than what its name says would do all the work."""


class GoldenError(EdgesegError):
    """A golden set is broken, a gate failed or a score fell."""

    exit_code = 5
    has_lines = True


class AssetError(EdgesegError):
    """An asset or a model is not the file that was pinned."""

    exit_code = 6


class OutputError(EdgesegError):
    """There is no usable output."""

    exit_code = 7


class OutputClosed(OutputError):
    """Whoever read the output has gone; the run ends normally."""

    exit_code = 0


class NotPermitted(EdgesegError):
    """A device or file is there, but not for us now."""

    exit_code = 8


class Unreachable(EdgesegError):
    """Something outside this machine does not answer."""

    exit_code = 69


def one_line(text: str) -> str:
    """`text` on one line: what cannot be printed, as names of files may hold, is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sentence(text: object) -> str:
    """`text` with a full stop, unless it ends as a sentence does."""
    words = str(text)
    return words if words.endswith((".", "?", "!")) else f"{words}."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown `word`: the nearest known one, or all of them."""
    names = sorted(known)
    begun = [name for name in names if len(word) > 2 and name.startswith(word)]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5) or begun
    if near:
        return f"did you mean {near[0]!r}?"
    return f"choose one of {', '.join(names)}."
