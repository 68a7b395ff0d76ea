"""What can be seen of who computes: the runtime's own words on stderr, and the libraries that this process has loaded.

LiteRT tells neither its adapter nor its partitions by a function of its Python package, but it writes of them; and
its `is_fully_accelerated()` is true also where everything fell back to the CPU.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from types import TracebackType

_NOISE = re.compile(
    r"^[IWEF]\d{4} [\d:.]+ +\d+ [\w.:/]+\] |^[^\w\[]*((INFO|WARNING|ERROR|VERBOSE): )?(\[[\w./]+:\d+\] )?"
)


class Heard:
    """Everything that is written to stderr within the block, by libraries too; `text` afterwards, and while it lasts.

    In an engine's process stderr is a log already and is read there, so that the words are not lost if the process
    dies. Elsewhere it leads into memory meanwhile, and what was said is passed on at the end.
    """

    def __init__(self) -> None:
        self.text = ""
        self._kept: int | None = None
        self._start = 0

    def __enter__(self) -> Heard:
        sys.stderr.flush()
        try:
            if not stat.S_ISREG(os.fstat(2).st_mode):
                raise OSError
            self._start = os.lseek(2, 0, os.SEEK_CUR)
            os.pread(2, 1, 0)
        except OSError:  # a terminal, a pipe, /dev/null, or a file that is for writing only
            self._kept, self._start = os.dup(2), 0
            log = os.memfd_create("edgeseg-heard", os.MFD_CLOEXEC)
            os.dup2(log, 2)
            os.close(log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listen()
        if self._kept is not None:
            os.dup2(self._kept, 2)
            os.close(self._kept)
            self._kept = None
            os.write(2, self.text.encode("utf-8", "surrogateescape"))

    def listen(self) -> str:
        """What was said so far."""
        sys.stderr.flush()
        end = os.lseek(2, 0, os.SEEK_CUR)
        content = os.pread(2, max(0, end - self._start), self._start)
        self.text = content.decode("utf-8", "surrogateescape")
        return self.text


def sentence(text: str, pattern: str) -> str | None:
    """The first line of the runtime's that the pattern is in, without its time, level and source file."""
    for line in text.splitlines():
        if re.search(pattern, line):
            return " ".join(_NOISE.sub("", line).split()).rstrip(".")
    return None


def loaded_libraries(maps: Path = Path("/proc/self/maps")) -> list[str]:
    """The paths of all shared libraries in this process's memory, each once; proc(5)."""
    try:
        lines = maps.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    paths = (line.split(maxsplit=5)[5] for line in lines if line.count("/") and len(line.split(maxsplit=5)) == 6)
    return sorted({path for path in paths if ".so" in Path(path).name})


def loaded(pattern: str, maps: Path = Path("/proc/self/maps")) -> str | None:
    """The first loaded library whose file name begins as the pattern says."""
    return next((path for path in loaded_libraries(maps) if re.match(pattern, Path(path).name)), None)
