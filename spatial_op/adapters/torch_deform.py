"""torchvision's deformable convolution, with its names and defaults, and the same of signals and volumes, computed by the operators."""

from torch.overrides import handle_torch_function, has_torch_function_variadic

from ..operators.deformable_convolution import DeformableConvolution
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from . import torch_refusals as refuse


def deform_conv1d(input, offset, weight, bias=None, stride=1, padding=0, dilation=1, mask=None):
    """Deformable convolution of signals, which torchvision does not have.

    Conventions: those of ``deform_conv2d``, with the axis x only.

    Parameters
    ----------
    input : (N, C, W) tensor
        Signals on the CPU: float16, bfloat16, float32 or float64.
    offset : (N, D K, W_out) tensor
        In samples, for each of D deformable groups and K taps, of ``input``'s dtype, as all others; half images also take float32.
    weight : (filters, C / groups, K) tensor
    bias : (filters,) tensor or None
    stride, padding, dilation : int or (int,)
        In samples.
    mask : (N, D K, W_out) tensor or None
        What multiplies each tap: the second version.

    Returns
    -------
    out : (N, filters, W_out) tensor of ``input``'s dtype

    Raises
    ------
    ValueError, TypeError
        As ``deform_conv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import deform_conv1d
    >>> deform_conv1d(torch.arange(3.0)[None, None], torch.full((1, 1, 3), 0.5), torch.ones(1, 1, 1))
    tensor([[[0.5000, 1.5000, 1.0000]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "mask": mask}
    return convolved(deform_conv1d, 1, input, offset, weight, bias, **given)


def deform_conv2d(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
    """Deformable convolution, as ``torchvision.ops.deform_conv2d``.

    Conventions: torchvision's. Offsets are in pixels, y before x; the image goes on with zeros.

    Parameters
    ----------
    input : (N, C, H, W) tensor
        Images on the CPU: float16, bfloat16, float32 or float64.
    offset : (N, 2 D K, H_out, W_out) tensor
        For each of D deformable groups and K taps y and x, of ``input``'s dtype, as all others; half images also take float32.
    weight : (filters, C / groups, kernel height, kernel width) tensor
    bias : (filters,) tensor or None
    stride, padding, dilation : int or (int, int)
        In pixels: rows, columns.
    mask : (N, D K, H_out, W_out) tensor or None
        What multiplies each tap: the second version.

    Returns
    -------
    out : (N, filters, H_out, W_out) tensor of ``input``'s dtype

    Raises
    ------
    ValueError
        If a shape or a number is wrong.
    TypeError
        If a type, a dtype or a device is wrong.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import deform_conv2d
    >>> image, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    >>> deform_conv2d(image, torch.zeros(1, 18, 1, 1), weight)
    tensor([[[[9.]]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "mask": mask}
    return convolved(deform_conv2d, 2, input, offset, weight, bias, **given)


def deform_conv3d(input, offset, weight, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), mask=None):
    """Deformable convolution of volumes, which torchvision does not have.

    Conventions: those of ``deform_conv2d``, with offsets along z, y and x.

    Parameters
    ----------
    input : (N, C, D, H, W) tensor
        Volumes on the CPU: float16, bfloat16, float32 or float64.
    offset : (N, 3 G K, D_out, H_out, W_out) tensor
        In voxels, for each of G deformable groups and K taps z, y and x, of ``input``'s dtype, as all others; half images also take float32.
    weight : (filters, C / groups, kernel depth, kernel height, kernel width) tensor
    bias : (filters,) tensor or None
    stride, padding, dilation : int or (int, int, int)
        In voxels: slices, rows, columns.
    mask : (N, G K, D_out, H_out, W_out) tensor or None
        What multiplies each tap: the second version.

    Returns
    -------
    out : (N, filters, D_out, H_out, W_out) tensor of ``input``'s dtype

    Raises
    ------
    ValueError, TypeError
        As ``deform_conv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import deform_conv3d
    >>> volume, weight = torch.ones(1, 1, 3, 3, 3), torch.ones(1, 1, 3, 3, 3)
    >>> deform_conv3d(volume, torch.zeros(1, 81, 1, 1, 1), weight)
    tensor([[[[[27.]]]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "mask": mask}
    return convolved(deform_conv3d, 3, input, offset, weight, bias, **given)


def convolved(function, axes, input, offset, weight, bias, stride, padding, dilation, mask):
    """What each of these functions does; the images have so many axes."""
    if has_torch_function_variadic(input, offset, weight):
        given = input, offset, weight, bias, stride, padding, dilation, mask
        return handle_torch_function(function, (input, offset, weight), *given)
    tensors = {"input": input, "offset": offset, "weight": weight, "mask": mask, "bias": bias}
    params = refuse.convolution(function.__name__, axes, tensors, stride, padding, dilation)
    if mask is None:
        result = DeformableConvolution(input, offset, weight, bias, **params)
    else:
        result = ModulatedDeformableConvolution(input, offset, mask, weight, bias, **params)
    return result.to(input.dtype)
