"""What PyTorch's functions refuse, in sentences that name their arguments."""

import math

import numpy as np
import torch

from .. import check
from ..operators import convolution_arguments as of_convolutions
from ..operators.convolution_sizes import COORDINATES as OFFSETS
from ..operators.convolution_sizes import PYTORCH_NAMES, check_positions
from ..paddings import OF_PYTORCH
from ..words import speaking
from .torch_checks import fit, precise
from .torch_eager import WORDS

IMAGES = "4 axes (batch, channels, height, width) or 5 axes (batch, channels, depth, height, width)"
# Names of coordinates by the number of axes of an image.
COORDINATES = {2: "x and y", 3: "x, y and z"}


def tensors(name, given):
    """Floating point tensors on the CPU."""
    for argument, value in given.items():
        if not isinstance(value, torch.Tensor):
            check.another(name, argument, value, WORDS)
    fit(name, tuple(given), tuple(given.values()))


def images(name, input, argument, value, mode, padding_mode, modes):
    """Images, and names of samplers and paddings that go with them; ``value`` is what says where they are sampled."""
    tensors(name, {"input": input, argument: value})
    check.row(name, "mode", mode, modes)
    check.row(name, "padding_mode", padding_mode, OF_PYTORCH)
    if input.ndim not in (4, 5):
        raise ValueError(
            f"{name}: input has shape {tuple(input.shape)}, expected {IMAGES}; {axes_cure('input', input, 4)}."
        )
    precise(name, argument, value, "input", input)


def sampling(name, input, grid, mode, padding_mode, modes):
    """Images and a grid that go together."""
    images(name, input, "grid", grid, mode, padding_mode, modes)
    axes = input.ndim - 2
    expected = f"(N, {'D, ' if axes == 3 else ''}H, W, {axes}) with {COORDINATES[axes]} last"
    found = tuple(grid.shape)
    if grid.ndim != input.ndim:
        raise ValueError(
            f"{name}: grid has shape {found} and input {input.ndim} axes, expected {expected}; {axes_cure('grid', grid, input.ndim)}."
        )
    if found[-1] != axes:
        order = ", ".join(map(str, (0, *range(2, grid.ndim), 1)))
        cure = (
            f"move them there with grid.permute({order})" if found[1] == axes else f"pass {axes} numbers for each point"
        )
        raise ValueError(f"{name}: grid has shape {found}, expected {expected}; {cure}.")
    if found[0] != input.shape[0]:
        cure = f"pass {input.shape[0]} grids"
        for argument, value, count in (("grid", grid, input.shape[0]), ("input", input, found[0])):
            if value.shape[0] == 1:
                cure = f"repeat the one with {argument}.expand({count}{', -1' * (value.ndim - 1)})"
        raise ValueError(
            f"{name}: grid has shape {found} and input has shape {tuple(input.shape)}, expected one grid for each image; {cure}."
        )


def axes_cure(argument, value, axes):
    """How to come to so many axes."""
    with speaking(WORDS):
        return check.axes_cure(argument, value, range(axes))


def matrices(name, theta, size):
    """Matrices, and a size that they are made for."""
    tensors(name, {"theta": theta})
    sizes = check.entries(size)
    if len(sizes) not in (4, 5):
        raise ValueError(
            f"{name}: size is {check.shown(size)}, expected (N, C, H, W) or (N, C, D, H, W); pass for example size=(1, 1, 28, 28)."
        )
    for axis, number in enumerate(sizes):
        check.whole_number(name, f"size[{axis}]", number, least=1)
    axes = len(sizes) - 2
    expected = (sizes[0], axes, axes + 1)
    if tuple(theta.shape) != expected:
        cure = "pass one matrix for each image"
        if theta.ndim == 2 and theta.shape[1] == axes * (axes + 1):
            cure = f"make rows matrices with theta.reshape(-1, {axes}, {axes + 1})"
        elif theta.ndim == 3 and theta.shape[1:] == (axes + 1, axes + 1):
            cure = f"leave out each last row with theta[:, :{axes}]"
        elif theta.ndim == 2:
            cure = "add the batch axis with theta[None]"
        raise ValueError(
            f"{name}: theta has shape {tuple(theta.shape)}, expected {expected} for size {tuple(sizes)}; {cure}."
        )


def same_images(name, input, size):
    """A size of the same kind and number of images."""
    if len(size) != input.ndim or size[0] != input.shape[0]:
        raise ValueError(
            f"{name}: size is {tuple(size)} and input has shape {tuple(input.shape)}, expected as many images of as many axes; "
            f"pass (N, C, ...) with N={input.shape[0]} and {input.ndim - 2} sizes of the result."
        )


def convolution(name, axes, given, stride, padding, dilation):
    """The parameters of the operator for these tensors, after what it would call by other names has been checked."""
    given = {argument: value for argument, value in given.items() if value is not None}
    tensors(name, given)
    input, offset, weight = given["input"], given["offset"], given["weight"]
    for argument in ("input", "offset", "weight", "mask"):
        if argument in given and given[argument].ndim != axes + 2:
            raise ValueError(
                f"{name}: {argument} has shape {tuple(given[argument].shape)}, expected {axes + 2} axes; "
                f"{axes_cure(argument, given[argument], axes + 2)}."
            )
    for argument, value in given.items():
        precise(name, argument, value, "input", input)
    filters, channels, *kernel = weight.shape
    each = axes * math.prod(kernel)
    groups, deformables = input.shape[1] // max(channels, 1), offset.shape[1] // max(each, 1)
    if groups * channels != input.shape[1] or not groups or filters % groups:
        raise ValueError(
            f"{name}: weight has shape {tuple(weight.shape)} and input {input.shape[1]} channels, expected (filters, channels "
            f"of a group, {', '.join(of_convolutions.SIZES[axes])}) with groups of one size; pass a weight whose second size divides the channels."
        )
    if not deformables or deformables * each != offset.shape[1] or input.shape[1] % deformables:
        raise ValueError(
            f"{name}: offset has {offset.shape[1]} numbers at each position, expected {each}, {OFFSETS[axes]} of each "
            "tap, times a number of groups that divides input's channels; pass that many."
        )
    stride, padding, dilation = (
        of_convolutions.numbers(name, axes, argument, (value,) * axes if isinstance(value, int) else value, least)
        for argument, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    positions(name, given, (tuple(kernel), stride, dilation, padding), deformables)
    return {
        "kernel": tuple(kernel), "stride": stride, "dilate": dilation, "pad": padding, "num_filter": filters,
        "num_group": groups, "num_deformable_group": deformables, "no_bias": "bias" not in given, "border": "zeros",
    }  # fmt: skip


def positions(name, given, steps, deformables):
    """Offsets and masks for each place of the result. What is compiled or recorded, and other axes, the operator looks at."""
    values = given["input"], given["offset"], given.get("mask", given["offset"])
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return
    if not all(isinstance(value, torch.Tensor) and value.ndim == 2 + len(steps[0]) for value in values):
        return
    shapes = {argument: np.broadcast_to(0, tuple(value.shape)) for argument, value in given.items()}
    with speaking(WORDS):
        check_positions(name, shapes, steps, deformables, PYTORCH_NAMES)
