"""What the benchmark measures: one row per case."""

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """One call of an operator: the inputs that have gradients, the other parameters, the gradient to pull back."""

    operator: str
    inputs: tuple
    params: dict
    out_grad: np.ndarray


class Case(NamedTuple):
    """One row: an operator, its parameters and sizes, and ``make(case, dtype) -> Problem``."""

    operator: str
    data: tuple
    target: tuple
    scale: float
    make: object

    @property
    def label(self):
        """Sizes in words, such as 16x3x256x256 -> 256x256, scale 1.1."""
        return f"{sizes(self.data)} -> {sizes(self.target)}, scale {self.scale}"

    def problem(self, dtype="float32"):
        """The numbers of this case."""
        return self.make(self, dtype)


def sizes(shape):
    """A shape in words."""
    return "x".join(str(size) for size in shape)


def waves(shape, dtype, phase=0.0):
    """Smooth images, different in each channel, between -1 and 1."""
    n, c, h, w = shape
    each = 0.7 * np.arange(n * c).reshape(n, c, 1, 1) + phase
    x, y = np.linspace(0, 9, w), np.linspace(0, 7, h)[:, None]
    return np.ascontiguousarray(np.sin(x + each) * np.cos(y - each), dtype)


def affine_problem(data, loc, target, **params):
    """A ``SpatialTransformer`` problem on the given arrays."""
    params = {"target_shape": tuple(target), "transform_type": "affine", "sampler_type": "bilinear", **params}
    out_grad = waves((*data.shape[:2], *target), data.dtype, phase=1.0)
    return Problem("SpatialTransformer", (data, loc), params, out_grad)


def rotation(angle, scale, shift, batch, dtype):
    """Affine parameters of a rotation by ``angle`` (radians)."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.tile(np.array([cos, -sin, shift[0], sin, cos, shift[1]], dtype), (batch, 1))


def rotated(case, dtype):
    """Smooth images, rotated about a point off their centre."""
    loc = rotation(0.5, case.scale, (0.03, -0.02), case.data[0], dtype)
    return affine_problem(waves(case.data, dtype), loc, case.target)


def warp_cases(data, target):
    """One case with the output partly outside the image, one with all of it inside."""
    return tuple(Case("SpatialTransformer", data, target, scale, rotated) for scale in (1.1, 0.6))


CASES = (
    *warp_cases((64, 1, 28, 28), (28, 28)),
    *warp_cases((64, 3, 64, 64), (64, 64)),
    *warp_cases((16, 3, 256, 256), (256, 256)),
    *warp_cases((16, 3, 512, 512), (512, 512)),
    *warp_cases((1, 3, 4096, 4096), (4096, 4096)),
    *warp_cases((32, 64, 56, 56), (56, 56)),
    *warp_cases((16, 256, 64, 64), (32, 32)),
    *warp_cases((1, 1, 1024, 1024), (256, 256)),
)

# Whose time is mostly the call itself.
SMALL = (warp_cases((1, 1, 4, 4), (4, 4))[0], CASES[0])
