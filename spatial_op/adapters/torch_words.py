"""PyTorch's own functions, with its names, layouts and defaults, computed by the operators.

Each function first asks ``fits`` in a few comparisons whether all is as PyTorch wants it. Only if it is not, ``torch_refusals``
finds out what is wrong, and says so.
"""

import warnings

import torch
from torch.overrides import handle_torch_function, has_torch_function_variadic

from ..operators.grid_generator import GridGenerator
from ..operators.grid_sampler import GridSampler
from ..operators.spatial_transformer import SpatialTransformer
from ..paddings import OF_PYTORCH
from . import torch_refusals as refuse

# PyTorch's names of samplers -> the operators'.
MODES = {"bilinear": "bilinear", "nearest": "nearest_even", "bicubic": "bicubic"}


def corners(name, align_corners):
    """The corner rule; PyTorch's default is False, with a warning, since it once was True."""
    if align_corners is None:
        warnings.warn(
            f"{name}: align_corners is not given, which is False, as in PyTorch since 1.3; pass align_corners=False, or True.",
            stacklevel=3,
        )
        return False
    return align_corners


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """Sample images at the points of a grid, as ``torch.nn.functional.grid_sample``.

    Conventions: PyTorch's. A grid holds x and y, of volumes x, y and z, for each pixel of the result: -1 and +1 are the
    outer edges of the border pixels (``align_corners=False``) or their centres (``True``).

    Parameters
    ----------
    input : (N, C, H, W) or (N, C, D, H, W) tensor
        Images on the CPU: float16, bfloat16, float32 or float64.
    grid : (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3) tensor
        Normalised coordinates, of ``input``'s dtype or a wider one. It is read where it lies, and its gradient is laid out
        in the same way.
    mode : str
        "bilinear" (of volumes: trilinear), "nearest" (halfway between two pixels the even one) or "bicubic", also of volumes,
        for which PyTorch lacks it.
    padding_mode : str
        What lies outside: "zeros", "border" or "reflection".
    align_corners : bool or None
        See the conventions; None is False, with a warning.

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) tensor of ``input``'s dtype

    Raises
    ------
    ValueError
        If a shape or a name is wrong.
    TypeError
        If a type, a dtype or a device is wrong.

    Notes
    -----
    In float64 values and gradients are PyTorch's. In less they are more exact: samples at whole pixels are those pixels.
    A point that is NaN or infinite is NaN, or what PyTorch's forward pass takes it for; its gradient is NaN or 0.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import grid_sample
    >>> image, grid = torch.arange(4.0).reshape(1, 1, 2, 2), torch.tensor([[[[-0.5, -0.5], [0.0, 0.0]]]])
    >>> grid_sample(image, grid, align_corners=False)
    tensor([[[[0.0000, 1.5000]]]])
    """
    if has_torch_function_variadic(input, grid):
        return handle_torch_function(grid_sample, (input, grid), input, grid, mode, padding_mode, align_corners)
    align_corners = corners("grid_sample", align_corners)
    if not fits(input, grid, mode, padding_mode):
        refuse.sampling("grid_sample", input, grid, mode, padding_mode, MODES)
    return sampled(input, grid, mode, padding_mode, align_corners)


def sampled(input, grid, mode, padding_mode, align_corners):
    """The samples of what fits."""
    return GridSampler(
        input,
        grid.movedim(-1, 1),
        MODES[mode],
        padding_mode=padding_mode,
        align_corners=align_corners,
        points_inside=True,
    )


def fits(input, grid, mode, padding_mode):
    """Whether images and a grid go together."""
    return (
        fits_images(input, grid, mode, padding_mode)
        and input.ndim == grid.ndim
        and grid.shape[-1] == input.ndim - 2
        and grid.shape[0] == input.shape[0]
    )


def fits_images(input, given, mode, padding_mode):
    """Whether these are images, dtypes and names to compute with; ``given`` is what says where images are sampled."""
    return (
        isinstance(input, torch.Tensor)
        and isinstance(given, torch.Tensor)
        and input.is_cpu
        and given.is_cpu
        and input.is_floating_point()
        and (input.dtype == given.dtype or (given.is_floating_point() and given.itemsize > input.itemsize))
        and mode in MODES
        and input.ndim in (4, 5)
        and padding_mode in OF_PYTORCH
    )


def affine_grid(theta, size, align_corners=None):
    """The sampling grid of affine transforms, as ``torch.nn.functional.affine_grid``.

    Conventions: those of ``grid_sample``.

    Parameters
    ----------
    theta : (N, 2, 3) or (N, 3, 4) tensor
        One matrix for each image, or volume: from the result's coordinates to the input's.
    size : sequence of int
        The result's shape: (N, C, H, W) or (N, C, D, H, W).
    align_corners : bool or None
        As for ``grid_sample``.

    Returns
    -------
    grid : (N, H, W, 2) or (N, D, H, W, 3) tensor of ``theta``'s dtype
        Computed in float64.

    Raises
    ------
    ValueError
        If a shape or a size is wrong.
    TypeError
        If a type, a dtype or a device is wrong.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import affine_grid
    >>> affine_grid(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if has_torch_function_variadic(theta):
        return handle_torch_function(affine_grid, (theta,), theta, size, align_corners)
    align_corners = corners("affine_grid", align_corners)
    if not fits_matrices(theta, size):
        refuse.matrices("affine_grid", theta, size)
    return gridded(theta, size, align_corners)


def gridded(theta, size, align_corners):
    """The grid of what fits."""
    grid = GridGenerator(theta, "affine", tuple(size[2:]), align_corners=align_corners, side_by_side=True)
    return grid.movedim(1, -1)


def fits_matrices(theta, size):
    """Whether matrices and a size go together."""
    return (
        isinstance(theta, torch.Tensor)
        and theta.is_cpu
        and theta.is_floating_point()
        and theta.ndim == 3
        and len(size) in (4, 5)
        and theta.shape == (size[0], len(size) - 2, len(size) - 1)
        and min(size) > 0
    )


def affine_grid_sample(input, theta, size, mode="bilinear", padding_mode="zeros", align_corners=None):
    """``grid_sample(input, affine_grid(theta, size, align_corners), mode, padding_mode, align_corners)`` without the grid.

    Conventions: those of ``grid_sample``. No grid is made, forward or backward, and no coordinate is rounded to the tensors'
    dtype.

    Parameters
    ----------
    input : (N, C, H, W) or (N, C, D, H, W) tensor
        As for ``grid_sample``.
    theta : (N, 2, 3) or (N, 3, 4) tensor
        As for ``affine_grid``, of ``input``'s dtype or a wider one.
    size : sequence of int
        The result's shape: (N, C, H, W) or (N, C, D, H, W).
    mode, padding_mode, align_corners
        As for ``grid_sample``.

    Returns
    -------
    out : (N, C, H, W) or (N, C, D, H, W) tensor of ``input``'s dtype

    Raises
    ------
    ValueError, TypeError
        As ``grid_sample`` and ``affine_grid``.

    Notes
    -----
    Outside, the image goes on (``spatial_op.SpatialTransformer``): at points on the border's own pixel centres the
    gradient is that to the right, where PyTorch has 0, and a point that is no number is NaN.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import affine_grid_sample
    >>> image, flip = torch.arange(4.0).reshape(1, 1, 1, 4), torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    >>> affine_grid_sample(image, flip, image.shape, align_corners=False)
    tensor([[[[3., 2., 1., 0.]]]])
    """
    if has_torch_function_variadic(input, theta):
        given = input, theta, size, mode, padding_mode, align_corners
        return handle_torch_function(affine_grid_sample, (input, theta), *given)
    align_corners = corners("affine_grid_sample", align_corners)
    if not (
        fits_matrices(theta, size)
        and fits_images(input, theta, mode, padding_mode)
        and (len(size), size[0]) == (input.ndim, input.shape[0])
    ):
        refuse.matrices("affine_grid_sample", theta, size)
        refuse.images("affine_grid_sample", input, "theta", theta, mode, padding_mode, MODES)
        refuse.same_images("affine_grid_sample", input, size)
    return SpatialTransformer(
        input, theta, tuple(size[2:]), "affine", MODES[mode], padding_mode=padding_mode, align_corners=align_corners
    )
