"""``GridGenerator``: the sampling grid of a transform or of an optical flow."""

import math

import numpy as np

from .. import check
from ..dtypes import DTYPES
from ..words import words
from . import Operator, arguments
from .coordinates import AXES, changes, fixed_of, gradient, number_of, room, values_of
from .dispatch import apply
from .engine import kernels
from .memory import as_rows, clear, empty, hand_over, made_once, pixels_of, plain, usable, working

NAME = "GridGenerator"


class GridCall:
    """One call for the grid of a transform; the arrays have been checked."""

    def __init__(self, data, transform, target_shape, align_corners, side_by_side):
        self.given, self.transform, self.side_by_side = data, transform, side_by_side
        self.shape = check.result(NAME, "the result", (data.shape[0], len(target_shape), *target_shape))
        self.dtype = data.dtype.newbyteorder("=")
        self.compute, self.number = DTYPES[self.dtype], number_of(transform, data.dtype)
        self.facts = transform, math.prod(data.shape[1:]), None, target_shape, not align_corners

    def nothing(self):
        """Whether the grid has no point."""
        return 0 in self.shape

    @made_once
    def fixed(self):
        """What kernels are given that depends on sizes only."""
        values = {"samples": self.shape[0], **fixed_of(*self.facts)}
        values |= zip(("w_out", "h_out", "d_out"), self.shape[:1:-1])
        return kernels("kernel").Fixed(values)

    @made_once
    def coordinates(self):
        """What kernels are given of the parameters."""
        return values_of(self.transform, as_rows(self.given), self.number)

    def run(self, kernel, more):
        """Call one of the kernels of grids, with what it is given besides."""
        threads = self.threads()[0]
        kernel(threads, {**self.coordinates, **room(self.fixed, threads), **more}, self.fixed)

    def kernel(self, name, **which):
        """The kernel of this name for the transform."""
        build = kernels("build")
        key = len(self.shape) - 2, build.formula(self.transform), self.number, self.compute.str[1:], self.side_by_side
        return getattr(build, name)(*key, **which)

    def threads(self):
        """Threads, and tiles of one sample."""
        tiles = kernels("build").tiles_of(self.shape[2:])
        return kernels("threads").threads_for(self.shape[0] * tiles, math.prod(self.shape)), tiles

    def forward(self, out=None):
        """Write the grid; to ``out`` if it is given."""

        def run(direct):
            if not self.nothing():
                self.run(self.kernel("generate"), {"out": self.ordered(direct)})

        return written(out, self.shape, self.dtype, self.given, run, self.side_by_side)

    def ordered(self, grid):
        """A grid, or its gradient, with its axes in the order of memory."""
        return pixels_of(grid, self.side_by_side)

    def tangent(self, tangents):
        """How the grid changes when the parameters change by ``tangents[0]``."""
        return self.push(*tangents)

    def second_tangent(self, tangents, others):
        """How that changes when the parameters change by ``others[0]``."""
        return self.push(*tangents, *others)

    def push(self, *tangents):
        """The grid's change along one or two changes of the parameters."""
        out = empty(self.shape, DTYPES[self.dtype], self.side_by_side)
        if not self.nothing():
            kernel = self.kernel("push_grid", moving=len(tangents))
            self.run(
                kernel, {"out": self.ordered(out), **changes(self.transform, self.number, *map(as_rows, tangents))}
            )
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return out.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradient to the array in ``grads``, or add it."""
        self.pull(self.kernel("contract"), {}, out_grad, grads, add)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how the gradient changes when the parameters change by ``tangents[0]``."""
        change = changes(self.transform, self.number, *map(as_rows, tangents))
        self.pull(self.kernel("contract", moving=1), change, out_grad, grads, add)

    def pull(self, kernel, more, out_grad, grads, add):
        """Run a kernel that writes a gradient."""
        if self.nothing():
            return clear(grads, add)
        sums = np.empty((self.shape[0], self.threads()[1], self.fixed["count"]))
        self.run(kernel, {**more, "upper": plain(self.ordered(out_grad), DTYPES[self.dtype]), "sums": sums})
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            grad = gradient(self.transform, sums.sum(axis=1)).reshape(grads[0].shape)
            grads[0][...] = grad + grads[0] if add[0] else grad


class FlowCall:
    """One call for the grid of an optical flow; the array has been checked."""

    def __init__(self, data, align_corners):
        self.given, self.shape = data, data.shape
        self.dtype = data.dtype.newbyteorder("=")
        spans = [size - 1 + (0 if align_corners else 1) for size in data.shape[:1:-1]]
        self.scales = [2 / span if span else 0.0 for span in spans]  # a single pixel lies at 0

    def run(self, given, direct, ramp):
        """Scale, with or without the pixels' own places."""
        if 0 in self.shape:
            return
        axes, number = self.shape[1], DTYPES[self.dtype]
        values = {
            "rows": given.size // self.shape[-1], "ramp": ramp, "given": plain(given, number), "out": direct,
            **dict(zip(("w_out", "h_out", "d_out"), self.shape[:1:-1])),
            **{f"scale_{axis}": scale for axis, scale in zip(AXES, self.scales)},
        }  # fmt: skip
        threads = kernels("threads").threads_for(given.size, given.size)
        kernels("build").flow(axes, number.str[1:])(threads, values)

    def forward(self, out=None):
        """Write the grid; to ``out`` if it is given."""
        return written(out, self.shape, self.dtype, self.given, lambda direct: self.run(self.given, direct, 1.0))

    def tangent(self, tangents):
        """How the grid changes when the flow changes by ``tangents[0]``."""
        return written(None, self.shape, self.dtype, self.given, lambda direct: self.run(tangents[0], direct, 0.0))

    def backward(self, out_grad, grads, add):
        """Write the gradient to the array in ``grads``, or add it."""
        direct = not add[0] and usable(grads[0], DTYPES[self.dtype])
        grad = grads[0] if direct else np.empty(self.shape, DTYPES[self.dtype])
        self.run(out_grad, grad, 0.0)
        if not direct:
            with np.errstate(over="ignore", invalid="ignore"):  # gradients may be infinite or no numbers
                grads[0][...] = grad + grads[0] if add[0] else grad

    def backward_tangent(self, out_grad, tangents, grads, add):
        """The gradient is the same for every flow."""
        clear(grads, add)

    def second_tangent(self, tangents, others):
        """So is the tangent."""
        return np.zeros(self.shape, self.dtype)


def written(out, shape, dtype, data, run, side_by_side=False):
    """``out`` or a new array, after ``run`` has written to it or to one of the dtype and the layout that is computed with."""
    if out is None:
        out = empty(shape, dtype, side_by_side)
    else:
        check.output(NAME, "out", out, shape, dtype, {"data": data})
    if side_by_side:
        direct = out if usable(pixels_of(out, True), DTYPES[dtype]) else empty(shape, DTYPES[dtype], True)
    else:
        direct = working(out, DTYPES[dtype])
    run(direct)
    hand_over(direct, out)
    return out


def planes(flow):
    """How a flow whose directions stand last becomes one of planes, or one of a single image a batch."""
    if flow.ndim == 3 and flow.shape[0] == 2:
        return "add the batch axis with data[None]"
    if flow.shape[-1] != flow.ndim - 2:
        return None
    order = check.channels_second(flow.ndim)
    return f"move its directions to the second place with {words().moved('data', order)}"


def prepare(data, transform_type, target_shape=(0, 0), name=None, *, align_corners=True, side_by_side=False):
    """Check a call."""
    check.flag(NAME, "align_corners", align_corners)
    side_by_side = check.flag(NAME, "side_by_side", side_by_side)
    if isinstance(transform_type, str) and transform_type == "warp":
        check.array(NAME, "data", data, *(("batch", "directions", *sizes) for sizes in arguments.SIZES.values()))
        axes = data.ndim - 2
        meaning = f"one plane each of flow along {arguments.COORDINATES[axes]}, in pixels"
        check.shape(NAME, "data", data, (data.shape[0], axes, *data.shape[2:]), meaning, cure=planes)
        return FlowCall(data, align_corners)
    axes = sizes if (sizes := len(check.entries(target_shape))) in arguments.SIZES else 2
    transform = arguments.transform(NAME, axes, transform_type, more=("warp",))
    arguments.parameters(NAME, "data", arguments.rows(data, transform_type, axes), transform_type, transform)
    target_shape = check.target_shape(NAME, target_shape, axes, least=0)
    return GridCall(data, transform, target_shape, align_corners, side_by_side)


def result(shapes, transform_type, target_shape=(0, 0), **_):
    """The result's shape."""
    data = shapes["data"]
    return data if transform_type == "warp" else (data[0], len(target_shape), *target_shape)


def GridGenerator(
    data, transform_type, target_shape=(0, 0), out=None, name=None, *, align_corners=True, side_by_side=False
):
    """Grid of the points where each pixel of the output is sampled, by a transform or an optical flow.

    Conventions: a grid is (batch, 2, height, width), x first, normalised: -1 and +1 are the centres of the first and
    last pixel (``align_corners=True``, as MXNet) or their outer edges (``False``). A size of 1 lies at 0. Grids of
    volumes are (batch, 3, depth, height, width), x, y, z; of signals (batch, 1, width), x.

    Parameters
    ----------
    data : (N, P), (N, 2, H, W), (N, 3, D, H, W) or (N, 1, W) float array
        Transform parameters, normalised, of "affine" also matrices (N, 2, 3), (N, 3, 4) or (N, 1, 2); or, for "warp",
        optical flow in pixels, x first.
    transform_type : str
        "affine", "translation", "attention", "projective", "tps" or "tps_points", with the parameters that ``SpatialTransformer``
        takes, for volumes if ``target_shape`` has a depth, and for signals if it is the width alone; or "warp".
    target_shape : (int, int), (int, int, int) or (int,)
        (Depth,) height and width of the grid, in pixels; (0, 0), MXNet's default, counts as left out. Ignored for
        "warp", whose grid is as large as the flow.
    out : (N, 2, H, W), (N, 3, D, H, W) or (N, 1, W) array, optional
        Where to write the result: of ``data``'s dtype, sharing no memory with it.
    name
        Accepted as by MXNet, and ignored.
    align_corners : bool
        See the conventions.
    side_by_side : bool
        Whether x and y of a point stand side by side in memory, so that the view ``out.transpose(0, 2, 3, 1)`` is a
        contiguous array (N, H, W, 2). The grid of "warp" is laid out as the flow's planes in either case.

    Returns
    -------
    out : (N, 2, H, W), (N, 3, D, H, W) or (N, 1, W) array of ``data``'s dtype
        The coordinates are computed in float64.

    Raises
    ------
    ValueError
        If a shape, a name or a size is wrong, or ``out`` overlaps ``data``.
    TypeError
        If a type or dtype is wrong.

    Notes
    -----
    Transforms: ``out[n, :, i, j] = T(x_j, y_i)`` with ``x_j = -1 + 2 j / (W - 1)`` or, by edges, ``-1 + (2 j + 1) / W``.
    Warp: ``out[n, 0, i, j] = x_j + 2 data[n, 0, i, j] / (W - 1)`` or ``/ W``; y likewise. Source: Jaderberg et al.,
    "Spatial Transformer Networks", 2015, section 3.2; MXNet 1.9.1. Gradients: ``vjp``.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> so.GridGenerator(np.array([[0.5, 0, 0, 0, 0.5, 0]]), "affine", (1, 5))[0, 0]
    array([[-0.5 , -0.25,  0.  ,  0.25,  0.5 ]])
    >>> so.GridGenerator(np.ones((1, 2, 1, 5)), "warp")[0, 0]
    array([[-0.5,  0. ,  0.5,  1. ,  1.5]])
    """
    return apply(
        GridGenerator, (data,), out, name, transform_type=transform_type, target_shape=target_shape,
        align_corners=align_corners, side_by_side=side_by_side,
    )  # fmt: skip


GridGenerator.operator = Operator(("data",), prepare, result, linear=())
