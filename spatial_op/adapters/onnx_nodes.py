"""Operators as lists of ONNX's standard nodes: AffineGrid, GridSample, DeformConv and arithmetic."""

import inspect

import numpy as np
from onnx import helper, numpy_helper

from .. import check
from ..operators.deformable_convolution import DeformableConvolution
from ..operators.grid_generator import GridGenerator
from ..operators.grid_sampler import BilinearSampler, GridSampler
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from ..operators.spatial_transformer import SpatialTransformer
from .onnx_grids import transform_grid
from .onnx_pixels import inverse, number, scale, settled, whole_pixels

MODES = {"bilinear": "linear", "nearest": "nearest", "nearest_even": "nearest", "bicubic": "cubic"}
PADDINGS = ("zeros", "border", "reflection")
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

    def integers(self, label, numbers):
        """An array of integers, of which some may be values of the graph."""
        if all(isinstance(one, int) for one in numbers):
            return self.constant(label, np.array(numbers, np.int64))
        single = self.constant(f"{label}_single", np.array([1], np.int64))
        parts = []
        for place, one in enumerate(numbers):
            part = f"{label}_{place}"
            known = isinstance(one, int)
            parts.append(
                self.constant(part, np.array([one], np.int64)) if known else self.add("Reshape", [one, single], part)
            )
        return self.add("Concat", parts, label, axis=0)


def build(graph, op, names, inputs, params):
    """Add an operator; of the inputs only dtypes, axes and the number of parameters matter. The name of its result."""
    if op.__name__ not in BUILDERS:
        raise ValueError(
            f"export: op is {op.__name__}, expected one that ONNX has nodes for: {check.listed(BUILDERS)}."
        )
    bound = inspect.signature(op.operator.prepare).bind(*inputs, **params)
    bound.apply_defaults()
    return BUILDERS[op.__name__](graph, names, inputs, bound.arguments)


def no_signals(axes):
    """Refuse signals, which ONNX's AffineGrid and its runtimes do not know."""
    if axes == 1:
        raise ValueError(
            "export: data are signals, expected images or volumes, since runtimes of ONNX sample no others; "
            "give them a height of one pixel, and a grid a second coordinate, which is 0."
        )


def transformer(graph, names, inputs, params):
    """SpatialTransformer: a grid, and samples at it."""
    data, loc = inputs
    no_signals(data.ndim - 2)
    one_each("loc", loc, data)
    name, dtype, pixels = names[1], loc.dtype, None
    if params["sampler_type"] in NEAREST:
        pixels = scale(graph, names[0], data.ndim - 2, params["align_corners"])
        name, dtype = (
            settled(graph, name, loc, pixels[0], data.ndim - 2, params["transform_type"]),
            np.dtype(np.float64),
        )
    grid = transform_grid(graph, name, loc.shape[1], dtype, params, "grid")
    return sample(graph, names[0], data, grid, dtype, pixels, params)


def one_each(label, given, data):
    """Refuse one sample that is for all, which ONNX does not have."""
    counts = given.shape[0], data.shape[0]
    if counts[0] != counts[1] and 1 in counts:
        raise ValueError(
            f"export: {label} has {counts[0]} samples and data has {counts[1]}, expected as many, since ONNX shares none; repeat the one."
        )


def sampler(graph, names, inputs, params):
    """GridSampler and BilinearSampler: coordinates come last in ONNX."""
    data, grid = inputs
    no_signals(data.ndim - 2)
    one_each("grid", grid, data)
    last = graph.add("Transpose", [names[1]], "grid", perm=[0, *range(2, grid.ndim), 1])
    pixels = None
    if params.get("sampler_type") in NEAREST:
        pixels = scale(graph, names[0], data.ndim - 2, params["align_corners"])
    return sample(graph, names[0], data, last, grid.dtype, pixels, params)


def sample(graph, data_name, data, grid_name, dtype, pixels, params):
    """Samples of the images at a grid of this dtype, which ONNX wants in the images' one."""
    sampler_type, padding_mode = params.get("sampler_type", "bilinear"), params["padding_mode"]
    if params.get("antialias", False) is not False:
        raise ValueError(
            f"export: antialias is {params['antialias']!r}, expected False, since ONNX's GridSample takes one sample; leave it out."
        )
    for label, given, known in (("sampler_type", sampler_type, MODES), ("padding_mode", padding_mode, PADDINGS)):
        if given not in known:
            raise ValueError(
                f"export: {label} is {given!r}, expected {check.listed(known)}, since ONNX has no other; pass one of these."
            )
    if params.get("coverage"):
        raise ValueError(
            f"export: coverage is {params['coverage']!r}, expected False, since ONNX has no such node; export the sampling of ones."
        )
    if params.get("out_dtype"):
        raise ValueError(
            f"export: out_dtype is {params['out_dtype']!r}, expected None, since ONNX's GridSample keeps the images' dtype; leave it out, and "
            "convert the images."
        )
    if np.any(params.get("fill_value", 0)):
        raise ValueError(
            f"export: fill_value is {check.shown(params['fill_value'])}, expected 0, since ONNX has no other; leave it out, and sample "
            "data - fill_value and add fill_value."
        )
    if sampler_type == "bicubic" and padding_mode == "border":
        raise ValueError(
            "export: sampler_type is 'bicubic' and padding_mode 'border', expected another padding, since ONNX clamps coordinates "
            "and not taps; pass padding_mode='zeros' or 'reflection'."
        )
    if sampler_type in NEAREST:
        grid_name = whole_pixels(graph, grid_name, dtype, data.dtype, pixels, sampler_type, made="loc" in params)
    elif dtype != data.dtype:
        grid_name = graph.add("Cast", [grid_name], "narrow", to=number(data.dtype))
    return graph.add(
        "GridSample", [data_name, grid_name], mode=MODES[sampler_type], padding_mode=padding_mode,
        align_corners=int(params["align_corners"]),
    )  # fmt: skip


def generator(graph, names, inputs, params):
    """GridGenerator: a grid with its coordinates first."""
    (data,) = inputs
    moving = params["transform_type"] == "warp"
    axes = data.ndim - 2 if moving else len(params["target_shape"])
    no_signals(axes)
    if moving:
        return flow(graph, names[0], axes, data.dtype, params["align_corners"])
    last = transform_grid(graph, names[0], data.shape[1], data.dtype, params, "grid")
    return graph.add("Transpose", [last], perm=[0, axes + 1, *range(1, axes + 1)])


def flow(graph, name, axes, dtype, align_corners):
    """The grid of the identity, and shifts in pixels."""
    half, _ = scale(graph, name, axes, align_corners)
    factor = graph.add("Cast", [inverse(graph, half)], "factor", to=number(dtype))
    planes = graph.add("Reshape", [factor, graph.integers("planes", (1, axes, *[1] * axes))], "factors")
    shift = graph.add("Mul", [name, planes], "shift")
    sizes = graph.add("Shape", [name], "target", start=2)
    size = graph.add("Concat", [graph.integers("single", (1, 1)), sizes], "size", axis=0)
    identity = graph.constant("identity", np.eye(axes, axes + 1, dtype=dtype)[None])
    still = graph.add("AffineGrid", [identity, size], "still", align_corners=int(align_corners))
    return graph.add(
        "Add", [shift, graph.add("Transpose", [still], "still_planes", perm=[0, axes + 1, *range(1, axes + 1)])]
    )


def convolution(graph, names, inputs, params):
    """Both deformable convolutions: one node."""
    op, axes = "DeformableConvolution" if "mask" not in params else "ModulatedDeformableConvolution", inputs[0].ndim - 2
    if axes == 3:
        raise ValueError(
            f"export: data of {op} has 5 axes, expected images or signals, since ONNX's runtimes have no DeformConv of volumes; "
            f"call {op} itself for these."
        )
    if "mask" not in params and params["border"] != "zeros":
        raise ValueError(
            f"export: border of {op} is {params['border']!r}, expected 'zeros', the only rule that ONNX has; pass border='zeros'."
        )
    pad = tuple(params["pad"] or (0,) * axes)
    if min(pad) < 0:
        raise ValueError(
            f"export: pad of {op} is {pad}, expected at least 0, since ONNX does not crop; crop data first."
        )
    by_label = dict(zip([label for label in ("data", "offset", "mask", "weight", "bias") if label in params], names))
    if params["no_bias"]:
        by_label.pop("bias", None)
    sizes = {
        "kernel_shape": tuple(params["kernel"]), "strides": tuple(params["stride"] or (1,) * axes),
        "dilations": tuple(params["dilate"] or (1,) * axes),
    }  # fmt: skip
    if axes == 1:
        taps = params["num_deformable_group"] * params["kernel"][0]
        by_label, row = as_images(graph, by_label, taps)
        sizes, pad = {name: (1, *size) for name, size in sizes.items()}, (0, *pad)
    order = [by_label.get(label, "") for label in ("data", "weight", "offset", "bias", "mask")]
    while not order[-1]:
        order.pop()
    groups = {"group": params["num_group"], "offset_group": params["num_deformable_group"]}
    found = graph.add("DeformConv", order, "image" if axes == 1 else None, pads=pad + pad, **sizes, **groups)
    return found if axes == 2 else graph.add("Squeeze", [found, row])


def as_images(graph, by_label, taps):
    """The inputs for signals as those for images of one row, whose offsets along y are 0; and the number of the new axis."""
    row, rows = graph.integers("row", (2,)), graph.integers("rows", (2, 3))
    images = dict(by_label)
    for label in ("data", "mask", "weight"):
        if label in by_label:
            images[label] = graph.add("Unsqueeze", [by_label[label], row], f"{label}_image")
    alone = graph.add("Unsqueeze", [by_label["offset"], rows], "offset_x")
    both = graph.add("Pad", [alone, graph.integers("before_x", (0, 0, 1, *[0] * 7))], "offset_y_x")
    images["offset"] = graph.add("Reshape", [both, graph.integers("pairs", (0, 2 * taps, 1, -1))], "offset_image")
    return images, row


BUILDERS = {
    SpatialTransformer.__name__: transformer,
    GridGenerator.__name__: generator,
    GridSampler.__name__: sampler,
    BilinearSampler.__name__: sampler,
    DeformableConvolution.__name__: convolution,
    ModulatedDeformableConvolution.__name__: convolution,
}
