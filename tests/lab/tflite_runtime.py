"""tflite-runtime 2.14, the last there will be, with the numpy it needs, beside this machine's Python 3.11.

    python -m tests.lab.tflite_runtime SCRIPT...

runs a script with it; LiteRT and what else is installed here cannot be seen then. Wheels are of CPython 3.9 to 3.11.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.lab import roots

WHEELS = ("tflite-runtime==2.14.0", "numpy<2")
PYTHON = "3.11"


def interpreter() -> str | None:
    """The Python that can load the wheels: this one, or the machine's own; None if there is none."""
    return sys.executable if sys.version_info[:2] == (3, 11) else roots.find(f"python{PYTHON}")


def missing() -> str | None:
    """Why it cannot be had here, None if it can; the network is tried by `build`."""
    if platform.machine() != "x86_64":
        return f"its wheels are taken for x86_64, and this is {platform.machine()}"
    return None if interpreter() else f"tflite-runtime needs Python {PYTHON}, and there is none"


def build() -> Path:
    """The folder with the packages; takes some seconds the first time. Raises Unreachable."""
    with roots.cached("tflite-runtime", PYTHON, *WHEELS) as (folder, complete):
        if not complete:
            roots.install_wheels(folder / "site", PYTHON, *WHEELS)
        return folder / "site"


def run(*argv: str, timeout_s: int = 120) -> subprocess.CompletedProcess[str]:
    """Run a script of this checkout with it."""
    environment = os.environ | {"PYTHONPATH": f"{roots.PROJECT}:{build()}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [str(interpreter()), "-S", *argv],  # -S: nothing of the environment that the tests run in
        env=environment,
        cwd=roots.PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def main() -> int:
    """Run one script; its exit code."""
    if reason := missing():
        print(f"There is no tflite-runtime here: {reason}.", file=sys.stderr)
        return 8
    done = run(*sys.argv[1:])
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
