"""Put the operators in the place of PyTorch's own functions, for what they can compute; all else stays with PyTorch."""

import functools
import math
import sys

import torch

from . import patching
from .torch_deform import deform_conv2d
from .torch_words import fits, fits_matrices, gridded, sampled

functional = torch.nn.functional

# Results of fewer numbers stay with PyTorch, whose calls cost less time than those of Python.
SMALL = 2**13

# What each call of ``patch`` replaced: (module, name, function).
REPLACED = []


class patch:
    """Put these operators in the place of PyTorch's, until ``unpatch``.

    Conventions: ``torch.nn.functional.grid_sample`` and ``affine_grid``, and ``torchvision.ops.deform_conv2d`` if torchvision
    has been imported, compute with this package where all tensors are plain ones on the CPU, of one floating point dtype. All
    else, and every wrong call, goes to PyTorch as before: other devices and kinds of tensors, bicubic volumes, grids and results
    of fewer than 8,192 points and numbers, and code that is compiled, traced, scripted or seen by a mode. As a context manager
    it ends with the block. Calls can be nested.

    Notes
    -----
    A library that calls ``torch.nn.functional.grid_sample``, as Kornia and MONAI do, is quicker without a change. One
    that said ``from torch.nn.functional import grid_sample`` before keeps PyTorch's. Results are PyTorch's up to rounding;
    for points that are no number see ``grid_sample``.

    Examples
    --------
    >>> import torch
    >>> import spatial_op.torch
    >>> image, grid = torch.rand(1, 1, 128, 128, dtype=torch.float64), torch.rand(1, 128, 128, 2, dtype=torch.float64)
    >>> expected = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    >>> with spatial_op.torch.patch():
    ...     found = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    >>> torch.allclose(found, expected, rtol=1e-12)
    True
    """

    def __init__(self):
        places = [(functional, "grid_sample", sampler), (functional, "affine_grid", generator)]
        vision = sys.modules.get("torchvision.ops")
        if vision is not None:
            places += [(module, "deform_conv2d", convolution) for module in (vision, vision.deform_conv)]
        patching.put(REPLACED, [(module, name, make(getattr(module, name))) for module, name, make in places])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        unpatch()


def unpatch():
    """Undo the latest ``patch`` that is not undone.

    Conventions: those of ``patch``.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    patching.undo(REPLACED)


def plain(*tensors):
    """Whether all are PyTorch's own tensors on the CPU, of one floating point dtype, and nobody but autograd looks on."""
    if torch.compiler.is_compiling():
        return False
    dtype = getattr(tensors[0], "dtype", None)
    return (
        all(
            type(value) in (torch.Tensor, torch.nn.Parameter)
            and value.is_cpu
            and value.layout is torch.strided
            and value.dtype is dtype
            for value in tensors
        )
        and dtype.is_floating_point
        and dtype.itemsize > 1
        and torch._C._get_tracing_state() is None
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._len_torch_function_stack()
    )


def instead(make):
    """A function in the place of another one, which is what scripts are made from."""

    @functools.wraps(make)
    def made(original):
        function = functools.wraps(original)(make(original))
        function.__prepare_scriptable__ = lambda: original
        return function

    return made


@instead
def sampler(original):
    """In the place of ``grid_sample``."""

    def function(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
        here = type(align_corners) is bool and plain(input, grid) and fits(input, grid, mode, padding_mode)
        here = here and (input.ndim, mode) != (5, "bicubic")  # PyTorch says that it has none
        if here and 0 not in input.shape and input.shape[1] * grid.numel() >= SMALL * grid.shape[-1]:
            return sampled(input, grid, mode, padding_mode, align_corners)
        return original(input, grid, mode, padding_mode, align_corners)

    return function


@instead
def generator(original):
    """In the place of ``affine_grid``."""

    def function(theta, size, align_corners=None):
        here = type(align_corners) is bool and plain(theta) and fits_matrices(theta, size)
        if here and math.prod(size) >= SMALL * size[1]:
            return gridded(theta, size, align_corners)
        return original(theta, size, align_corners)

    return function


@instead
def convolution(original):
    """In the place of ``deform_conv2d``."""

    def function(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
        given = input, offset, weight, bias, stride, padding, dilation, mask
        tensors = [value for value in (input, offset, weight, bias, mask) if value is not None]
        if plain(*tensors) and all(value.numel() for value in tensors):
            try:
                return deform_conv2d(*given)
            except (TypeError, ValueError):  # torchvision says itself what is wrong
                return original(*given)
        return original(*given)

    return function
