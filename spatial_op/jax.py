"""PyTorch's functions in JAX's habits: arrays in, arrays out, under ``jit``, ``grad``, ``jvp`` and ``vmap``.

What is no array must be known when JAX traces. The operators themselves, such as ``spatial_op.SpatialTransformer``, take arrays of
JAX too.
"""

from jax import numpy as jnp

from .adapters import jax_arguments
from .adapters.jax_deform import deform_conv1d, deform_conv2d, deform_conv3d
from .operators.grid_generator import GridGenerator
from .operators.grid_sampler import GridSampler
from .operators.spatial_transformer import SpatialTransformer

__all__ = ["affine_grid", "affine_grid_sample", "deform_conv1d", "deform_conv2d", "deform_conv3d", "grid_sample"]


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    """Sample images, or volumes, at the points of a grid.

    Conventions: images are (batch, channels, height, width), volumes (batch, channels, depth, height, width). The last axis
    of a grid holds a point of the input, x first: -1 and +1 are the outer edges of the first and last pixel or, with
    ``align_corners=True``, their centres. All but ``input`` and ``grid`` must be static under ``jax.jit``.

    Parameters
    ----------
    input : (N, C, H, W) or (N, C, D, H, W) float array
        Images or volumes.
    grid : (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3) float array
        Normalised coordinates, of ``input``'s dtype or a wider one.
    mode : str
        "bilinear" (of volumes: trilinear), "nearest" (halfway between two pixels the even one) or "bicubic".
    padding_mode : str
        What lies outside the image: "zeros", "border" or "reflection".
    align_corners : bool
        See the conventions.

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) array of ``input``'s dtype
        Points outside are moved into the image first: ``points_inside`` of ``spatial_op.GridSampler``.

    Raises
    ------
    ValueError
        If a shape or a name is wrong.
    TypeError
        If a type or dtype is wrong, or JAX traces what must be known.

    Notes
    -----
    ``out[n, c, i, j] = sum_{h, w} input[n, c, h, w] k(x - w) k(y - h)`` where (x, y) is ``grid[n, i, j]`` in pixels and k the
    sampling kernel, as of ``spatial_op.GridSampler``. Source: ``torch.nn.functional.grid_sample``.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import grid_sample
    >>> image, points = jnp.arange(12.0).reshape(1, 1, 3, 4), jnp.array([[[[-1.0, 0.0], [1.0, 0.0]]]])
    >>> grid_sample(image, points, align_corners=True)[0, 0]
    Array([[4., 7.]], dtype=float32)
    """
    input, grid, params = jax_arguments.grid_sample("grid_sample", input, grid, mode, padding_mode, align_corners)
    return GridSampler(input, jnp.moveaxis(grid, -1, 1), points_inside=True, **params)


def affine_grid(theta, size, align_corners=False):
    """Points where each pixel of the output is sampled by an affine transform.

    Conventions: those of ``grid_sample``. ``size`` and ``align_corners`` must be static under ``jax.jit``.

    Parameters
    ----------
    theta : (N, 2, 3) or (N, 3, 4) float array
        Matrices from normalised coordinates of the output, x first, to those of the input.
    size : tuple of int
        (N, C, H, W) or (N, C, D, H, W) of the output; C is not looked at.
    align_corners : bool
        See the conventions.

    Returns
    -------
    grid : (N, H, W, 2) or (N, D, H, W, 3) array of ``theta``'s dtype

    Raises
    ------
    ValueError
        If a shape is wrong.
    TypeError
        If a type or dtype is wrong, or JAX traces what must be known.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import affine_grid
    >>> affine_grid(jnp.array([[[0.5, 0, 0], [0, 1, 0]]]), (1, 1, 1, 3), align_corners=True)[0, 0, :, 0]
    Array([-0.5,  0. ,  0.5], dtype=float32)
    """
    theta, target = jax_arguments.affine("affine_grid", theta, size, align_corners)
    return jnp.moveaxis(GridGenerator(theta, "affine", target, align_corners=align_corners), 1, -1)


def affine_grid_sample(input, theta, size, mode="bilinear", padding_mode="zeros", align_corners=False):
    """Warp images, or volumes, by affine transforms: ``grid_sample(input, affine_grid(theta, size))`` without the grid.

    Conventions: those of ``grid_sample``. All but ``input`` and ``theta`` must be static under ``jax.jit``.

    Parameters
    ----------
    input : (N, C, H, W) or (N, C, D, H, W) float array
        Images or volumes.
    theta : (N, 2, 3) or (N, 3, 4) float array
        As for ``affine_grid``, of ``input``'s dtype or a wider one.
    size : tuple of int
        As for ``affine_grid``.
    mode, padding_mode, align_corners
        As for ``grid_sample``.

    Returns
    -------
    out : (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out) array of ``input``'s dtype
        Coordinates are computed in float64.

    Raises
    ------
    ValueError
        If a shape or a name is wrong.
    TypeError
        If a type or dtype is wrong, or JAX traces what must be known.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import affine_grid_sample
    >>> flip = jnp.array([[[-1.0, 0, 0], [0, 1, 0]]])
    >>> affine_grid_sample(jnp.arange(4.0).reshape(1, 1, 1, 4), flip, (1, 1, 1, 4))[0, 0]
    Array([[3., 2., 1., 0.]], dtype=float32)
    """
    words = mode, padding_mode, align_corners
    input, theta, params = jax_arguments.affine_grid_sample("affine_grid_sample", input, theta, size, *words)
    return SpatialTransformer(input, theta, **params)
