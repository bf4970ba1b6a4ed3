"""Deformable convolutions that find their offsets themselves, as mmcv has them."""

import math

from torch import nn

from .. import check
from .torch_convolution import DeformConv2d


class Pack(DeformConv2d):
    """A deformable convolution whose offsets, and masks if it has any, come from a convolution of the same images.

    ``conv_offset`` has mmcv's name, shape and start, which is zero.
    """

    def __init__(
        self, planes, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, deform_groups, bias
    ):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        check.whole_number(type(self).__name__, "deform_groups", deform_groups, least=1)
        self.offsets = 2 * deform_groups * math.prod(self.kernel_size)
        self.conv_offset = nn.Conv2d(
            in_channels, self.offsets // 2 * planes, self.kernel_size, self.stride, self.padding, self.dilation
        )
        nn.init.zeros_(self.conv_offset.weight)
        nn.init.zeros_(self.conv_offset.bias)


class DeformConv2dPack(Pack):
    """Deformable convolution that finds its offsets itself: mmcv's ``DeformConv2dPack``, whose state it loads.

    Conventions: those of ``DeformConv2d``. The module starts as a plain convolution.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        As for ``DeformConv2d``.
    deform_groups : int
        Channels of each group have offsets of their own.
    bias : bool
        Whether a learnt number is added to each channel of the result; mmcv's has none.

    Attributes
    ----------
    weight : parameter
        As of ``DeformConv2d``.
    bias : parameter or None
        As of ``DeformConv2d``.
    conv_offset : torch.nn.Conv2d
        From images to offsets.

    Raises
    ------
    ValueError, TypeError
        As ``DeformConv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import DeformConv2dPack
    >>> DeformConv2dPack(4, 8, kernel_size=3, padding=1)(torch.rand(2, 4, 5, 6)).shape
    torch.Size([2, 8, 5, 6])
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        deform_groups=1,
        bias=False,
    ):
        super().__init__(
            2, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, deform_groups, bias
        )

    def forward(self, data):
        """The result, (N, out_channels, H_out, W_out)."""
        return super().forward(data, self.conv_offset(data))


class ModulatedDeformConv2dPack(Pack):
    """The second version, which finds offsets and masks itself: mmcv's ``ModulatedDeformConv2dPack``, whose state it loads.

    Conventions: those of ``DeformConv2d``. Masks go through a sigmoid, so the module starts as half a plain convolution.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        As for ``DeformConv2d``.
    deform_groups : int
        Channels of each group have offsets and masks of their own.
    bias : bool
        Whether a learnt number is added to each channel of the result.

    Attributes
    ----------
    weight : parameter
        As of ``DeformConv2d``.
    bias : parameter or None
        As of ``DeformConv2d``.
    conv_offset : torch.nn.Conv2d
        From images to offsets and masks.

    Raises
    ------
    ValueError, TypeError
        As ``DeformConv2d``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import ModulatedDeformConv2dPack
    >>> ModulatedDeformConv2dPack(4, 8, kernel_size=3, padding=1)(torch.rand(2, 4, 5, 6)).shape
    torch.Size([2, 8, 5, 6])
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        deform_groups=1,
        bias=True,
    ):
        super().__init__(
            3, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, deform_groups, bias
        )

    def forward(self, data):
        """The result, (N, out_channels, H_out, W_out)."""
        found = self.conv_offset(data)
        return super().forward(data, found[:, : self.offsets], found[:, self.offsets :].sigmoid())
