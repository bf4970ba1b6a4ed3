"""torchvision's deformable convolution for arrays of JAX, and the same of signals and volumes."""

from ..operators.deformable_convolution import DeformableConvolution
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from . import jax_arguments


def deform_conv1d(input, offset, weight, bias=None, stride=1, padding=0, dilation=1, mask=None):
    """Deformable convolution of signals.

    Conventions: those of ``deform_conv2d``, with the axis x only.

    Parameters
    ----------
    input : (N, C, W) float array
        Signals.
    offset : (N, D K, W_out) array of ``input``'s dtype
        Offsets in samples, for each of D deformable groups and K taps.
    weight : (F, C / G, K) array of ``input``'s dtype
        Filters of G groups.
    bias : (F,) array of ``input``'s dtype, optional
        Added to each filter's result.
    stride, padding, dilation : int or (int,)
        In samples.
    mask : (N, D K, W_out) array of ``input``'s dtype, optional
        A factor for each tap.

    Returns
    -------
    out : (N, F, W_out) array of ``input``'s dtype

    Raises
    ------
    ValueError, TypeError
        As ``deform_conv2d``.

    Notes
    -----
    The formula is that of ``spatial_op.ModulatedDeformableConvolution``.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import deform_conv1d
    >>> deform_conv1d(jnp.arange(3.0).reshape(1, 1, 3), jnp.full((1, 1, 3), 0.5), jnp.ones((1, 1, 1)))[0]
    Array([[0.5, 1.5, 1. ]], dtype=float32)
    """
    return convolved("deform_conv1d", 1, input, offset, weight, bias, stride, padding, dilation, mask)


def deform_conv2d(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
    """Deformable convolution: of the second version with a mask, of the first without.

    Conventions: images are (batch, channels, height, width). Offsets are in pixels, y before x, and add to where the tap of
    a plain convolution would look. Groups follow from the shapes. ``stride``, ``padding`` and ``dilation`` must be static
    under ``jax.jit``.

    Parameters
    ----------
    input : (N, C, H, W) float array
        Images.
    offset : (N, 2 D K, H_out, W_out) array of ``input``'s dtype
        Offsets in pixels, for each of D deformable groups and K taps, row by row, y then x.
    weight : (F, C / G, kernel height, kernel width) array of ``input``'s dtype
        Filters of G groups.
    bias : (F,) array of ``input``'s dtype, optional
        Added to each filter's result.
    stride, padding, dilation : int or (int, int)
        Of rows and columns, in pixels.
    mask : (N, D K, H_out, W_out) array of ``input``'s dtype, optional
        A factor for each tap.

    Returns
    -------
    out : (N, F, H_out, W_out) array of ``input``'s dtype
        Outside the image are zeros, towards which samples fade.

    Raises
    ------
    ValueError
        If a shape or a number is wrong.
    TypeError
        If a type or dtype is wrong, or JAX traces what must be known.

    Notes
    -----
    The formula is that of ``spatial_op.ModulatedDeformableConvolution``. Source: ``torchvision.ops.deform_conv2d``.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import deform_conv2d
    >>> right = jnp.stack([jnp.zeros((1, 3)), jnp.full((1, 3), 0.5)])[None]  # half a pixel
    >>> deform_conv2d(jnp.arange(3.0).reshape(1, 1, 1, 3), right, jnp.ones((1, 1, 1, 1)))[0, 0]
    Array([[0.5, 1.5, 1. ]], dtype=float32)
    """
    return convolved("deform_conv2d", 2, input, offset, weight, bias, stride, padding, dilation, mask)


def deform_conv3d(input, offset, weight, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), mask=None):
    """Deformable convolution of volumes.

    Conventions: those of ``deform_conv2d``, with offsets along z, y and x.

    Parameters
    ----------
    input : (N, C, D, H, W) float array
        Volumes.
    offset : (N, 3 G' K, D_out, H_out, W_out) array of ``input``'s dtype
        Offsets in voxels, for each of G' deformable groups and K taps, slice by slice and row by row, z, y and x.
    weight : (F, C / G, kernel depth, kernel height, kernel width) array of ``input``'s dtype
        Filters of G groups.
    bias : (F,) array of ``input``'s dtype, optional
        Added to each filter's result.
    stride, padding, dilation : int or (int, int, int)
        Of slices, rows and columns, in voxels.
    mask : (N, G' K, D_out, H_out, W_out) array of ``input``'s dtype, optional
        A factor for each tap.

    Returns
    -------
    out : (N, F, D_out, H_out, W_out) array of ``input``'s dtype

    Raises
    ------
    ValueError, TypeError
        As ``deform_conv2d``.

    Notes
    -----
    The formula is that of ``spatial_op.ModulatedDeformableConvolution``.

    Examples
    --------
    >>> from jax import numpy as jnp
    >>> from spatial_op.jax import deform_conv3d
    >>> deform_conv3d(jnp.ones((1, 1, 3, 3, 3)), jnp.zeros((1, 81, 1, 1, 1)), jnp.ones((1, 1, 3, 3, 3))).item()
    27.0
    """
    return convolved("deform_conv3d", 3, input, offset, weight, bias, stride, padding, dilation, mask)


def convolved(name, axes, input, offset, weight, bias, stride, padding, dilation, mask):
    """What each of them does."""
    inputs = {"input": input, "offset": offset, "mask": mask, "weight": weight, "bias": bias}
    given = {
        argument: value for argument, value in inputs.items() if value is not None or argument not in ("mask", "bias")
    }
    given, params = jax_arguments.deform_conv(name, axes, given, stride, padding, dilation)
    operator = DeformableConvolution if mask is None else ModulatedDeformableConvolution
    return operator(*given.values(), **params)
