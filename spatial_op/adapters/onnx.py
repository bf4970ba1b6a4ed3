"""ONNX's reference evaluator: its operators for spatial sampling, computed by ours.

``ReferenceEvaluator(model, new_ops=OPS)`` runs them in place of its own, which are loops in Python. They follow the
standard: halfway between two pixels ONNX's "nearest" takes the even one, which is "nearest_even" here.
"""

import numpy as np
from onnx.reference.op_run import OpRun

from ..operators.deformable_convolution import DeformableConvolution
from ..operators.grid_generator import GridGenerator
from ..operators.grid_sampler import GridSampler
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution

# ONNX's names of modes, older ones too.
SAMPLERS = {
    "linear": "bilinear",
    "bilinear": "bilinear",
    "nearest": "nearest_even",
    "cubic": "bicubic",
    "bicubic": "bicubic",
}


def text(value):
    """A word, which the evaluator may keep as bytes."""
    return value.decode() if isinstance(value, bytes) else value


class AffineGrid(OpRun):
    """``AffineGrid``, since operator set 20: theta (N, 2, 3) or (N, 3, 4) and a size (N, C, ...) to a grid (N, ..., 2 or 3)."""

    op_domain = ""

    def _run(self, theta, size, align_corners=0):
        target = tuple(int(number) for number in size[2:])
        grid = GridGenerator(theta.reshape(len(theta), -1), "affine", target, align_corners=bool(align_corners))
        return (np.ascontiguousarray(np.moveaxis(grid, 1, -1)),)


class GridSample(OpRun):
    """``GridSample``, since operator set 16: images (N, C, ...) and a grid (N, ..., 2 or 3) to (N, C, ...)."""

    op_domain = ""

    def _run(self, X, grid, align_corners=0, mode="linear", padding_mode="zeros"):
        grid = np.moveaxis(grid, -1, 1).astype(np.promote_types(grid.dtype, X.dtype))
        options = {"padding_mode": text(padding_mode), "align_corners": bool(align_corners)}
        return (GridSampler(X, grid, SAMPLERS[text(mode)], **options),)


class DeformConv(OpRun):
    """``DeformConv``, since operator set 19, of signals, images and volumes; a bias and a mask may be left out."""

    op_domain = ""

    def _run(
        self, X, W, offset, B=None, mask=None, dilations=None, group=1, kernel_shape=None, offset_group=1, pads=None, strides=None
    ):  # fmt: skip
        axes = X.ndim - 2
        before, after = tuple((pads or (0,) * 2 * axes)[:axes]), tuple((pads or (0,) * 2 * axes)[axes:])
        if before != after:  # rows and columns of zeros are what lies outside anyway
            X = np.pad(X, ((0, 0), (0, 0), *zip(before, after)))
            before = (0,) * axes
        params = {
            "kernel": tuple(kernel_shape or W.shape[2:]), "stride": tuple(strides or ()), "dilate": tuple(dilations or ()),
            "pad": before, "num_filter": len(W), "num_group": group, "num_deformable_group": offset_group,
            "no_bias": B is None, "border": "zeros",
        }  # fmt: skip
        if mask is None:
            return (DeformableConvolution(X, offset, W, B, **params),)
        return (ModulatedDeformableConvolution(X, offset, mask, W, B, **params),)


OPS = [AffineGrid, GridSample, DeformConv]
