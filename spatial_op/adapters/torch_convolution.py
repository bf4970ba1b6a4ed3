"""Deformable convolutions as modules of PyTorch."""

import math
from numbers import Integral

import torch
from torch import nn

from .. import check
from ..operators.convolution_arguments import BORDERS, numbers
from ..operators.deformable_convolution import DeformableConvolution
from ..operators.modulated_deformable_convolution import ModulatedDeformableConvolution
from . import torch_refusals as refuse
from .torch_modules import Module


class DeformConv(Module):
    """A deformable convolution of images of ``axes`` axes, which each kind of images has a class for."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        *,
        border="zeros",
    ):
        super().__init__()
        op, axes = type(self).__name__, self.axes
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            check.whole_number(op, name, value, least=1)
        check.flag(op, "bias", bias)
        check.row(op, "border", border, BORDERS)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{op}: groups is {groups}, expected a divisor of in_channels={in_channels} and "
                f"out_channels={out_channels}; pass one."
            )
        self.kernel_size, self.stride, self.padding, self.dilation = (
            numbers(op, axes, name, (value,) * axes if isinstance(value, Integral) else value, least)
            for name, value, least in (
                ("kernel_size", kernel_size, 1),
                ("stride", stride, 1),
                ("padding", padding, 0),
                ("dilation", dilation, 1),
            )
        )
        self.in_channels, self.out_channels, self.groups, self.border = in_channels, out_channels, groups, border
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new parameters, as PyTorch's convolutions do."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, data, offset, mask=None):
        """The result, (N, out_channels, H_out, W_out), for offsets (N, 2 D K, H_out, W_out), y before x, and masks (N, D K, H_out, W_out).

        Signals and volumes, their offsets and masks have as many other axes, and offsets x, or z, y and x.
        """
        each = self.axes * math.prod(self.kernel_size)
        deformables, given = -(-offset.shape[1] // each), {"input": data, "offset": offset}
        if mask is not None:
            given["mask"] = mask
        steps = self.kernel_size, self.stride, self.dilation, self.padding
        refuse.positions(type(self).__name__, given, steps, deformables)
        params = {
            "kernel": self.kernel_size, "stride": self.stride, "dilate": self.dilation, "pad": self.padding,
            "num_filter": self.out_channels, "num_group": self.groups, "no_bias": self.bias is None,
            "num_deformable_group": deformables, "border": self.border,
        }  # fmt: skip
        if mask is None:
            return DeformableConvolution(data, offset, self.weight, self.bias, **params)
        return ModulatedDeformableConvolution(data, offset, mask, self.weight, self.bias, **params)

    def extra_repr(self):
        """What ``print`` shows."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, groups={self.groups}, border={self.border!r}"
        )


class DeformConv1d(DeformConv):
    """Deformable convolution of signals as a module: with a mask the second version, without one the first.

    Conventions: those of ``DeformConv2d``, with the axis x only.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the signals and of the result.
    kernel_size, stride, padding, dilation : int or (int,)
        In samples.
    groups, bias, border
        As for ``DeformConv2d``.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, kernel_size) parameter
    bias : (out_channels,) parameter or None

    Raises
    ------
    ValueError, TypeError
        As ``DeformConv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import DeformConv1d
    >>> module = DeformConv1d(4, 8, kernel_size=3, padding=1)
    >>> module(torch.rand(2, 4, 7), torch.zeros(2, 3, 7), torch.ones(2, 3, 7)).shape
    torch.Size([2, 8, 7])
    """

    axes = 1


class DeformConv2d(DeformConv):
    """Deformable convolution as a module: with a mask the second version, without one the first.

    Conventions: those of ``spatial_op.DeformableConvolution``; names and order of the arguments, initial values and the
    border rule are torchvision's. The state of torchvision's ``DeformConv2d``, and of mmcv's ``DeformConv2d`` and
    ``ModulatedDeformConv2d``, loads.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the images and of the result.
    kernel_size, stride, padding, dilation : int or (int, int)
        In pixels: rows, columns.
    groups : int
        Filters see the channels of their group only.
    bias : bool
        Whether a learnt number is added to each channel of the result.
    border : str
        "zeros": the image goes on with zeros (torchvision); "mxnet": MXNet's rule, which differs without a mask only.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, kernel height, kernel width) parameter
    bias : (out_channels,) parameter or None

    Raises
    ------
    ValueError, TypeError
        If a number or a name does not fit, here or when it is called.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import DeformConv2d
    >>> module = DeformConv2d(4, 8, kernel_size=3, padding=1)
    >>> data, offset, mask = torch.rand(2, 4, 5, 6), torch.zeros(2, 18, 5, 6), torch.ones(2, 9, 5, 6)
    >>> module(data, offset).shape, module(data, offset, mask).shape
    (torch.Size([2, 8, 5, 6]), torch.Size([2, 8, 5, 6]))
    """

    axes = 2


class DeformConv3d(DeformConv):
    """Deformable convolution of volumes as a module: with a mask the second version, without one the first.

    Conventions: those of ``DeformConv2d``, with offsets along z, y and x.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the volumes and of the result.
    kernel_size, stride, padding, dilation : int or (int, int, int)
        In voxels: slices, rows, columns.
    groups, bias, border
        As for ``DeformConv2d``.

    Attributes
    ----------
    weight : (out_channels, in_channels / groups, kernel depth, kernel height, kernel width) parameter
    bias : (out_channels,) parameter or None

    Raises
    ------
    ValueError, TypeError
        As ``DeformConv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import DeformConv3d
    >>> module = DeformConv3d(4, 8, kernel_size=(1, 3, 3), padding=(0, 1, 1))
    >>> module(torch.rand(2, 4, 3, 5, 6), torch.zeros(2, 27, 3, 5, 6)).shape
    torch.Size([2, 8, 3, 5, 6])
    """

    axes = 3
