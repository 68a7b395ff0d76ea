"""edgeseg: real-time person segmentation and background removal on small devices.

>>> from edgeseg import Segmenter  # doctest: +SKIP
>>> mask = Segmenter().mask(bgr)   # doctest: +SKIP

Importing the package loads no OpenCV, no model runtime and no camera library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Segmenter", "__version__"]

if TYPE_CHECKING:
    from edgeseg.segmenter import Segmenter


def __getattr__(name: str) -> object:
    if name == "Segmenter":
        from edgeseg.segmenter import Segmenter

        return Segmenter
    raise AttributeError(f"module 'edgeseg' has no attribute {name!r}")
