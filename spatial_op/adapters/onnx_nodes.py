"""Operators as lists of ONNX's standard nodes: AffineGrid, GridSample, DeformConv and arithmetic."""

import numpy as np
from onnx import helper, numpy_helper

from ..operators.deformable_convolution import DeformableConvolution
from ..operators.grid_generator import GridGenerator
from ..operators.grid_sampler import BilinearSampler, GridSampler
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from ..operators.spatial_transformer import SpatialTransformer
from .onnx_pixels import number, settled, whole_pixels

MODES = {"bilinear": "linear", "nearest": "nearest", "nearest_even": "nearest", "bicubic": "cubic"}
NEAREST = ("nearest", "nearest_even")


class Graph:
    """Nodes and constants as they are made; ``output`` is the last one's name."""

    def __init__(self, output):
        self.output, self.nodes, self.constants = output, [], []

    def constant(self, label, value):
        """Its name."""
        name = f"{self.output}/{label}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op_type, inputs, label=None, **attributes):
        """The name of a node's result; without a label that is the output."""
        name = f"{self.output}/{label}" if label else self.output
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        return name


def transformer(graph, names, inputs, params):
    """SpatialTransformer: a grid, and samples at it."""
    data, loc = inputs
    name = names[1]
    if params["sampler_type"] in NEAREST:
        name, loc = settled(graph, name, loc, data, params), loc.astype(np.float64)
    grid = transform_grid(graph, name, loc, params, "grid")
    sample(graph, names[0], data, grid, loc, params)


def sampler(graph, names, inputs, params):
    """GridSampler and BilinearSampler: coordinates come last in ONNX."""
    data, grid = inputs
    axes = [0, *range(2, grid.ndim), 1]
    last = graph.add("Transpose", [names[1]], "grid", perm=axes)
    sample(graph, names[0], data, last, grid, params)


def sample(graph, data_name, data, grid_name, source, params):
    """Samples of the images at a grid, which ONNX wants in their dtype."""
    sampler_type, padding_mode = params.get("sampler_type", "bilinear"), params["padding_mode"]
    if sampler_type == "bicubic" and padding_mode == "border":
        raise ValueError(
            "export: sampler_type is 'bicubic' and padding_mode 'border', expected another padding, since ONNX clamps coordinates "
            "and not taps; pass padding_mode='zeros' or 'reflection'."
        )
    if sampler_type in NEAREST:
        grid_name = whole_pixels(graph, grid_name, source.dtype, data, params, made="loc" in params)
    elif source.dtype != data.dtype:
        grid_name = graph.add("Cast", [grid_name], "narrow", to=number(data.dtype))
    graph.add(
        "GridSample", [data_name, grid_name], mode=MODES[sampler_type], padding_mode=padding_mode,
        align_corners=int(params["align_corners"]),
    )  # fmt: skip


def generator(graph, names, inputs, params):
    """GridGenerator: a grid with its coordinates first."""
    (data,) = inputs
    if params["transform_type"] == "warp":
        still = GridGenerator(np.zeros((1, *data.shape[1:]), data.dtype), "warp", align_corners=params["align_corners"])
        ones = GridGenerator(np.ones((1, *data.shape[1:]), data.dtype), "warp", align_corners=params["align_corners"])
        scale = (ones.astype(np.float64) - still)[:, :, :1, :1].astype(data.dtype)
        scaled = graph.add("Mul", [names[0], graph.constant("scale", scale)], "scaled")
        graph.add("Add", [scaled, graph.constant("still", still)])
        return
    last = transform_grid(graph, names[0], data, params, "grid")
    axes = len(params["target_shape"])
    graph.add("Transpose", [last], perm=[0, axes + 1, *range(1, axes + 1)])


def transform_grid(graph, name, loc, params, label):
    """A transform's grid, (N, ..., 2 or 3)."""
    target = tuple(params["target_shape"])
    if params["transform_type"] == "affine":
        return affine_grid(graph, name, target, params["align_corners"], label)
    if params["transform_type"] == "projective":
        flat = projective_points(graph, name, loc, target, params)
    else:
        flat = linear_points(graph, name, loc, target, params)
    shape = graph.constant("shape", np.array([-1, len(target), *target], np.int64))
    planes = graph.add("Reshape", [flat, shape], "planes")
    return graph.add("Transpose", [planes], label, perm=[0, *range(2, len(target) + 2), 1])


def affine_grid(graph, name, target, align_corners, label):
    """The standard node; its size has the batch of the parameters."""
    axes = len(target)
    rows = graph.constant("rows", np.array([-1, axes, axes + 1], np.int64))
    theta = graph.add("Reshape", [name, rows], "theta")
    batch = graph.add("Shape", [name], "batch", start=0, end=1)
    size = graph.add("Concat", [batch, graph.constant("target", np.array([1, *target], np.int64))], "size", axis=0)
    return graph.add("AffineGrid", [theta, size], label, align_corners=int(align_corners))


def projective_points(graph, name, loc, target, params):
    """Homogeneous points, divided: (N, 2, points)."""
    plain = np.array([[1, 0, 0, 0, 1, 0]], np.float64)
    still = GridGenerator(plain, "affine", target, align_corners=params["align_corners"]).reshape(2, -1)
    points = np.vstack([still, np.ones(still.shape[1])]).astype(loc.dtype)
    one = graph.constant("one", np.ones((1, 1), loc.dtype))
    column = graph.add("Slice", [name, *bounds(graph, "first", 0, 1)], "column")
    ones = graph.add("Add", [graph.add("Sub", [column, column], "nought"), one], "ones")
    whole = graph.add("Concat", [name, ones], "whole", axis=1)
    matrix = graph.add("Reshape", [whole, graph.constant("matrix_shape", np.array([-1, 3, 3], np.int64))], "matrix")
    mapped = graph.add("MatMul", [matrix, graph.constant("points", points)], "mapped")
    above = graph.add("Slice", [mapped, *bounds(graph, "above", 0, 2)], "numerators")
    below = graph.add("Slice", [mapped, *bounds(graph, "below", 2, 3)], "denominators")
    return graph.add("Div", [above, below], "flat")


def bounds(graph, label, start, end):
    """Where to slice along the second axis."""
    return [
        graph.constant(f"{label}_{part}", np.array([value], np.int64))
        for part, value in (("start", start), ("end", end), ("axis", 1))
    ]


def linear_points(graph, name, loc, target, params):
    """Points that are a matrix times the parameters plus a constant, as those of splines are: (N, all coordinates)."""
    count = loc.shape[1]
    trials = np.vstack([np.zeros(count), np.eye(count), np.linspace(-0.7, 1.3, count)])
    grids = GridGenerator(trials, params["transform_type"], target, align_corners=params["align_corners"])
    still, *moved, proof = grids.reshape(count + 2, -1)
    basis = np.array(moved) - still
    if not np.allclose(still + trials[-1] @ basis, proof, atol=1e-9):
        raise ValueError(
            f"export: transform_type is {params['transform_type']!r}, whose grid is not linear in its parameters, expected one that ONNX "
            "can express; export a GridSampler and compute the grid elsewhere."
        )
    product = graph.add("MatMul", [name, graph.constant("basis", basis.astype(loc.dtype))], "product")
    return graph.add("Add", [product, graph.constant("still", still[None].astype(loc.dtype))], "flat")


def convolution(graph, names, inputs, params):
    """Both deformable convolutions: one node."""
    op = "DeformableConvolution" if "mask" not in params else "ModulatedDeformableConvolution"
    if "mask" not in params and params["border"] != "zeros":
        raise ValueError(
            f"export: border of {op} is {params['border']!r}, expected 'zeros', the only rule that ONNX has; pass border='zeros'."
        )
    pad = tuple(params["pad"] or (0, 0))
    if min(pad) < 0:
        raise ValueError(
            f"export: pad of {op} is {pad}, expected at least 0, since ONNX does not crop; crop data first."
        )
    by_label = dict(zip([label for label in ("data", "offset", "mask", "weight", "bias") if label in params], names))
    if params["no_bias"]:
        by_label.pop("bias")
    order = [by_label.get(label, "") for label in ("data", "weight", "offset", "bias", "mask")]
    while not order[-1]:
        order.pop()
    graph.add(
        "DeformConv", order, kernel_shape=params["kernel"], strides=tuple(params["stride"] or (1, 1)), pads=pad + pad,
        dilations=tuple(params["dilate"] or (1, 1)), group=params["num_group"], offset_group=params["num_deformable_group"],
    )  # fmt: skip


BUILDERS = {
    SpatialTransformer.__name__: transformer,
    GridGenerator.__name__: generator,
    GridSampler.__name__: sampler,
    BilinearSampler.__name__: sampler,
    DeformableConvolution.__name__: convolution,
    ModulatedDeformableConvolution.__name__: convolution,
}
