"""The room itself, blurred: `blur` or `blur:N`, N from 1 (soft) to 100 (strong), 50 unless given.

The person is left out of the average, so that no halo of skin and clothes surrounds the outline: a normalised
convolution (Knutsson and Westin, "Normalized and Differential Convolution", CVPR 1993), at reduced size.
"""

from __future__ import annotations

import cv2
import numpy as np

from edgeseg.errors import UsageError
from edgeseg.frames import Frame, Mask, Planes, Size
from edgeseg.stages.preprocess import Shrink

_SIGMA_SMALL = 2.0  # pixels, at the reduced size


class BlurBackground:
    """A Gaussian blur of the room; its standard deviation is 0.5 % to 3.5 % of the frame's diagonal."""

    def __init__(self, where: str) -> None:
        strength = where or "50"
        if not strength.isdigit() or not 1 <= int(strength) <= 100:
            raise UsageError(f"The blur strength {where!r} is not a whole number from 1 to 100, such as blur:50.")
        self.strength = int(strength)
        self._buffers: _Buffers | None = None

    def render(self, frame: Frame, mask: Mask | None) -> Planes:
        """See `Background.render`. Without a mask everything is blurred, the person too."""
        size = frame.planes.size
        if self._buffers is None or self._buffers.frame != size:
            sigma = size.diagonal * (0.005 + 0.03 * self.strength / 100)
            self._buffers = _Buffers(size, sigma)
        return self._buffers.blur(frame.planes, mask)

    def close(self) -> None:
        """Nothing is open."""


class _Buffers:
    def __init__(self, frame: Size, sigma: float) -> None:
        self.frame = frame
        factor = max(1.0, sigma / _SIGMA_SMALL)
        small = Size(max(2, round(frame.width / factor)), max(2, round(frame.height / factor)))
        shape = (small.height, small.width)
        self._small = small
        self._shrink = (Shrink(frame, small), Shrink(frame.chroma, small), Shrink(frame.chroma, small))
        self._channels = [np.empty(shape, np.uint8) for _ in range(4)]
        self._bytes = np.empty((*shape, 4), np.uint8)
        self._sum = np.empty((*shape, 4), np.float32)
        self._weight3 = np.empty((*shape, 3), np.float32)
        self._mean = np.empty((*shape, 3), np.float32)
        self._result = np.empty((*shape, 3), np.uint8)
        self._out = Planes.allocate(frame)
        ksize = 2 * int(3 * _SIGMA_SMALL) + 1
        self._kernel = (ksize, ksize)

    def blur(self, planes: Planes, mask: Mask | None) -> Planes:
        for shrink, plane, small in zip(self._shrink, planes, self._channels[:3], strict=True):
            shrink(plane, small)
        self._room(mask)
        cv2.merge(self._channels, dst=self._bytes)
        total, weight = self._sum, self._channels[3]
        # (Y, U, V, 1) times the weight of each place, blurred; then the sums are divided by the weights.
        cv2.merge([weight, weight, weight], dst=self._result)
        np.multiply(self._bytes[..., :3], self._result, out=total[..., :3], dtype=np.float32)
        np.copyto(total[..., 3], weight)
        average = cv2.mean(total)
        cv2.GaussianBlur(total, self._kernel, _SIGMA_SMALL, dst=total, borderType=cv2.BORDER_REPLICATE)
        # Deep inside the person there is no room to average: there the mean of the whole room fades in.
        little = 255 * 1e-3
        total += np.array([c / max(average[3], 1e-6) * little for c in average[:3]] + [little], np.float32)
        cv2.merge([total[..., 3]] * 3, dst=self._weight3)
        cv2.divide(total[..., :3], self._weight3, dst=self._mean)
        np.copyto(self._result, self._mean, casting="unsafe")
        for index, target in enumerate(self._out):
            cv2.extractChannel(self._result, index, dst=self._channels[index])
            cv2.resize(self._channels[index], (target.shape[1], target.shape[0]), dst=target)
        return self._out

    def _room(self, mask: Mask | None) -> None:
        """How much each small pixel belongs to the room, into the fourth channel."""
        weight = self._channels[3]
        if mask is None:
            weight[...] = 255
            return
        # Soft edges hold some of the person's colour: they are left out with it.
        person = cv2.dilate(mask.alpha, np.ones((3, 3), np.uint8))
        cv2.resize(person, self._small, dst=weight, interpolation=cv2.INTER_AREA)
        cv2.threshold(weight, 12, 255, cv2.THRESH_BINARY_INV, dst=weight)
        if not cv2.countNonZero(weight):
            weight[...] = 255
