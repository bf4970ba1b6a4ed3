"""Problems for the benchmark and the check: calls of operators, made of sizes."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import spatial_op

# Parameters that a problem may leave out, where they have a default.
DEFAULTS = {
    "sampler_type": "bilinear",
    "padding_mode": "zeros",
    "align_corners": True,
    "stride": (1, 1),
    "dilate": (1, 1),
    "pad": (0, 0),
    "num_group": 1,
    "num_deformable_group": 1,
    "border": "mxnet",
}


class Problem(NamedTuple):
    """One call of an operator: the inputs that have gradients, the other parameters, the gradient to pull back."""

    operator: str
    inputs: tuple
    params: dict
    out_grad: np.ndarray

    @property
    def axes(self):
        """2 for images, 3 for volumes."""
        return self.out_grad.ndim - 2

    @property
    def convolves(self):
        """Whether what is sampled is also multiplied by weights."""
        return self.operator.endswith("Convolution")

    @property
    def named(self):
        """The inputs by name."""
        return dict(zip(getattr(spatial_op, self.operator).operator.inputs, self.inputs))

    def option(self, name):
        """A parameter or its default; None where the operator has no such parameter."""
        return self.params.get(name, DEFAULTS.get(name))


class Case(NamedTuple):
    """One row: the first input's and the output's size, what else matters, and ``make(data, target, dtype) -> Problem``.

    The output's size is its height and width, of volumes its depth too, of convolutions its channels. ``only`` names the
    libraries to compare with, if not all.
    """

    data: tuple
    target: tuple
    details: str
    make: Callable
    only: tuple = ()

    @property
    def label(self):
        """The row in words, such as 16x3x256x256 -> 256x256, scale 1.1."""
        return f"{sizes(self.data)} -> {sizes(self.target)}" + (self.details and f", {self.details}")

    def problem(self, dtype="float32"):
        """The numbers of this case."""
        return self.make(self.data, self.target, dtype)


def sizes(shape):
    """A shape in words."""
    return "x".join(str(size) for size in shape)


def waves(shape, dtype, phase=0.0):
    """Smooth images or volumes, different in each channel, between -1 and 1."""
    n, c, *depth, h, w = shape
    each = 0.7 * np.arange(n * c).reshape(n, c, *(1 for _ in shape[2:])) + phase
    x, y = np.linspace(0, 9, w), np.linspace(0, 7, h)[:, None]
    values = np.sin(x + each) * np.cos(y - each)
    for size in depth:
        values = values * np.cos(np.linspace(0, 5, size)[:, None, None] + each)
    return np.ascontiguousarray(values, dtype)


def sampled(operator, data, given, target, **params):
    """A problem of an operator that samples images at places that ``given`` says."""
    return Problem(operator, (data, given), params, waves((*data.shape[:2], *target), data.dtype, phase=1.0))


def affine_problem(data, loc, target, **params):
    """A ``SpatialTransformer`` problem on the given arrays."""
    params = {"target_shape": tuple(target), "transform_type": "affine", "sampler_type": "bilinear", **params}
    return sampled("SpatialTransformer", data, loc, target, **params)


def rotation(angle, scale, shift, batch, dtype):
    """Affine parameters of a rotation by ``angle`` (radians)."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.tile(np.array([cos, -sin, shift[0], sin, cos, shift[1]], dtype), (batch, 1))


def rotated(data, target, dtype, scale=1.1, **params):
    """Smooth images, rotated about a point off their centre."""
    loc = rotation(0.5, scale, (0.03, -0.02), data[0], dtype)
    return affine_problem(waves(data, dtype), loc, target, **params)


def interleaved(data, target, dtype):
    """The same, in OpenCV's layout: an image of height, width and channels, seen as one of channels, height and width."""
    problem = rotated(data, target, dtype)
    images, loc = problem.inputs
    return problem._replace(inputs=(np.moveaxis(np.ascontiguousarray(np.moveaxis(images, 1, -1)), -1, 1), loc))


def tilted(data, target, dtype):
    """The same, in perspective."""
    loc = np.concatenate([rotation(0.5, 1.1, (0.03, -0.02), data[0], dtype), np.full((data[0], 2), 0.1, dtype)], axis=1)
    return affine_problem(waves(data, dtype), loc, target, transform_type="projective")


def bent(data, target, dtype):
    """Smooth images under splines that move each control point by up to a twentieth of the image."""
    loc = spatial_op.identity_loc("tps", data[0], "float64", control_points=16)
    loc += np.random.default_rng(0).uniform(-0.1, 0.1, loc.shape)
    return affine_problem(waves(data, dtype), loc.astype(dtype), target, transform_type="tps")


def turned(data, target, dtype):
    """Smooth volumes, rotated about an axis that is none of theirs."""
    u, v = np.cos(0.5), np.sin(0.5)
    matrix = np.array([[u, -v, 0], [v, u, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, u, -v], [0, v, u]])
    loc = np.column_stack([1.1 * matrix, [0.03, -0.02, 0.01]]).ravel()
    return affine_problem(waves(data, dtype), np.tile(loc.astype(dtype), (data[0], 1)), target)


def flow(batch, target, dtype):
    """Smooth displacements by up to 3 pixels."""
    return 3 * waves((batch, len(target), *target), dtype)


def flowing(data, target, dtype, operator="GridSampler"):
    """Smooth images or volumes, sampled where a smooth flow leads."""
    start = np.meshgrid(*(np.linspace(-1, 1, size) for size in target), indexing="ij")[::-1]
    pixel = np.reshape([2 / (size - 1) for size in target[::-1]], (-1, *(1 for _ in target)))
    grid = np.stack(start) + pixel * flow(data[0], target, "float64")
    return sampled(operator, waves(data, dtype), grid.astype(dtype), target)


def scattered(data, target, dtype, reach=1.0):
    """Smooth images, each pixel sampled anywhere between ``-reach`` and ``reach``."""
    grid = np.random.default_rng(0).uniform(-reach, reach, (data[0], len(target), *target))
    return sampled("GridSampler", waves(data, dtype), grid.astype(dtype), target)


def affine_grid(data, target, dtype):
    """The grid of a rotation."""
    params = {"transform_type": "affine", "target_shape": target}
    loc = rotation(0.5, 1.1, (0.03, -0.02), data[0], dtype)
    return Problem("GridGenerator", (loc,), params, waves((data[0], 2, *target), dtype))


def flow_grid(data, target, dtype):
    """The grid of a smooth flow."""
    params = {"transform_type": "warp"}
    return Problem("GridGenerator", (flow(data[0], target, dtype),), params, waves(data, dtype))


def convolved(data, target, dtype, operator="DeformableConvolution", **params):
    """Noise under a convolution of 3x3 taps, each displaced by a few pixels, otherwise at every pixel."""
    rng = np.random.default_rng(0)
    noise = functools.partial(rng.standard_normal, dtype=dtype)
    filters, *places = target
    taps = 9 * params.get("num_deformable_group", 1)
    depth = data[1] // params.get("num_group", 1)
    offset = 2 * noise((data[0], 2 * taps, *places))
    mask = [rng.random((data[0], taps, *places), dtype)] if operator.startswith("Modulated") else []
    weight = noise((filters, depth, 3, 3)) / math.sqrt(9 * depth)
    params = {"kernel": (3, 3), "pad": (1, 1), "num_filter": filters, "border": "zeros", **params}
    return Problem(operator, (noise(data), offset, *mask, weight, noise(filters)), params, noise((data[0], *target)))
