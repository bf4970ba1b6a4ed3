"""torchvision's deformable convolution, with its names and defaults, computed by the operators."""

from torch.overrides import handle_torch_function, has_torch_function_variadic

from ..operators.deformable_convolution import DeformableConvolution
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from . import torch_refusals as refuse


def deform_conv2d(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
    """Deformable convolution, as ``torchvision.ops.deform_conv2d``.

    Conventions: torchvision's. Offsets are in pixels, y before x; the image goes on with zeros.

    Parameters
    ----------
    input : (N, C, H, W) tensor
        Images on the CPU: float16, bfloat16, float32 or float64.
    offset : (N, 2 D K, H_out, W_out) tensor
        For each of D deformable groups and K taps y and x, of ``input``'s dtype or a wider one, as all others.
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
    if has_torch_function_variadic(input, offset, weight):
        given = input, offset, weight, bias, stride, padding, dilation, mask
        return handle_torch_function(deform_conv2d, (input, offset, weight), *given)
    tensors = {"input": input, "offset": offset, "weight": weight, "mask": mask, "bias": bias}
    params = refuse.convolution("deform_conv2d", tensors, stride, padding, dilation)
    if mask is None:
        result = DeformableConvolution(input, offset, weight, bias, **params)
    else:
        result = ModulatedDeformableConvolution(input, offset, mask, weight, bias, **params)
    return result.to(input.dtype)
