"""What is missing or too old, and versions that do not go together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeseg.doctor.finding import Finding
from edgeseg.probe.advice import newest_python
from edgeseg.probe.capabilities import Capabilities

# Of what the probe asks for, as in pyproject.toml, which an installed edgeseg does not have: a test compares them.
LEAST = {
    "ai-edge-litert": (2, 0),
    "numpy": (1, 23),
    "opencv-python-headless": (4, 8),
    "av": (14,),
}
_RUNTIMES = ("ai-edge-litert", "tflite-runtime")
_AGAIN = "Install edgeseg with its dependencies again."
_NPU, _FITS = "ai-edge-litert-sdk-intel", "ai-edge-litert"


def check(found: Capabilities) -> list[Finding]:
    """Only a board that packages are known of is asked for them: a saved one may come from before edgeseg."""
    findings = [*_python(found)]
    if found.software.packages:
        findings += [*_runtime(found), *_old(found), *_together(found)]
    return findings


def version(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    return tuple(int(part) for part in re.match(r"\d*(?:\.\d+)*", text)[0].split(".") if part)  # type: ignore[index]


def _python(found: Capabilities) -> Iterator[Finding]:
    board, software = found.board, found.software
    newest = newest_python(board, software)
    if newest is None or newest >= (3, 10):
        return
    system = f"JetPack {board.jetpack.value}" if board.jetpack else "This system"
    what = f"{system} comes with Python {newest[0]}.{newest[1]}, and edgeseg needs 3.10."
    remedy = "Put a newer one beside it, such as with `uv python install 3.11`; the system's own stays as it is."
    if software.userland_bits and software.userland_bits.value == 32:
        remedy = "Install a newer system, best one of 64 bits."
    fact = software.system_pythons or board.jetpack or software.os_version
    yield Finding("fault", "software", what, fact.where if fact else "", remedy)


def _runtime(found: Capabilities) -> Iterator[Finding]:
    packages = found.software.packages
    there = [name for name in _RUNTIMES if name in packages]
    if not there:
        what = "No runtime for models is installed: neither ai-edge-litert nor tflite-runtime."
        yield Finding("fault", "software", what, "importlib.metadata", _AGAIN)
    elif there == ["tflite-runtime"] and found.software.userland_bits and found.software.userland_bits.value == 64:
        what = "tflite-runtime runs the models, which is older and slower than LiteRT and knows no gpu and no npu."
        yield Finding("warning", "software", what, "importlib.metadata", "pip install ai-edge-litert")


def _old(found: Capabilities) -> Iterator[Finding]:
    for name, least in LEAST.items():
        fact = found.software.packages.get(name)
        if fact is not None and version(fact.value) < least:
            needed = ".".join(map(str, least))
            what = f"{name} {fact.value} is too old: {needed} or newer is needed."
            yield Finding("fault", "software", what, fact.where, f"pip install --upgrade '{name}>={needed}'")


def _together(found: Capabilities) -> Iterator[Finding]:
    packages = found.software.packages
    plugin, litert = packages.get(_NPU), packages.get(_FITS)
    if plugin and litert and version(plugin.value)[:2] != version(litert.value)[:2]:
        what = f"{_NPU} {plugin.value} was made for another {_FITS} than {litert.value}."
        yield Finding("warning", "software", what, plugin.where, f"pip install '{_NPU}=={litert.value}'")
    numpy, old = packages.get("numpy"), packages.get("tflite-runtime")
    if numpy and old and version(numpy.value) >= (2,) and not litert:
        what = f"tflite-runtime {old.value} needs numpy 1, and {numpy.value} is installed."
        yield Finding("fault", "software", what, numpy.where, "pip install 'numpy<2'")
    if "opencv-python" in packages and "opencv-python-headless" in packages:
        what = "opencv-python and opencv-python-headless are both installed, and overwrite each other's files."
        remedy = "pip uninstall opencv-python opencv-python-headless, then pip install opencv-python-headless"
        yield Finding("warning", "software", what, "importlib.metadata", remedy)
