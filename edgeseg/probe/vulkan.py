"""Installed Vulkan drivers: the loader's manifests, KhronosGroup/Vulkan-Loader docs/LoaderDriverInterface.md."""

from __future__ import annotations

import json
import re

from edgeseg.probe.capabilities import VulkanDriver
from edgeseg.probe.fact import Fact
from edgeseg.probe.tree import Tree

_FOLDERS = ("/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d")
_SOFTWARE = re.compile(r"lvp|lavapipe|llvmpipe|swiftshader", re.IGNORECASE)


def read_vulkan(tree: Tree) -> tuple[VulkanDriver, ...]:
    """Each driver's library, as its manifest says."""
    drivers = []
    for folder in _FOLDERS:
        for path in tree.names(folder, r"[\w.+-]{1,100}\.json", most=32):
            library = _library(tree, path)
            if library:
                drivers.append(VulkanDriver(library, _SOFTWARE.search(path + library.value) is not None))
    return tuple(drivers)


def _library(tree: Tree, path: str) -> Fact[str] | None:
    text = tree.text(path)
    if text is None:
        return None
    try:
        said = json.loads(text)["ICD"]["library_path"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = None
    if not isinstance(said, str):
        tree.note(path, "is no manifest of a Vulkan driver")
        return None
    return tree.believed_string(said, path)
