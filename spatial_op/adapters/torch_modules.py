"""Transformers and samplers as modules of PyTorch."""

import torch
from torch import nn

from .. import check
from ..operators.spatial_transformer import SpatialTransformer as transform
from ..transforms.identity import identity_loc
from .torch_words import grid_sample


class Module(nn.Module):
    """A module of this package: it can be traced, exported and compiled, but TorchScript cannot read its text."""

    def __prepare_scriptable__(self):
        """What ``torch.jit.script`` asks for."""
        raise TypeError(
            f"{type(self).__name__}: torch.jit.script was asked to read a module whose Python is no TorchScript, expected a module "
            "that was recorded; call torch.jit.trace or torch.export.export, whose results take other batches and sizes too."
        )


class SpatialTransformer(Module):
    """Warp each image of a batch, or each volume, by its own transform, as a module.

    Conventions: those of ``spatial_op.SpatialTransformer``. The module has no parameters: a network predicts ``loc``, rows
    (N, P) or, of affine transforms, matrices (N, 2, 3) or (N, 3, 4).

    Parameters
    ----------
    target_shape : (int, int) or (int, int, int)
        (Depth,) height and width of the output, in pixels.
    transform_type, sampler_type, padding_mode, align_corners, fill_value, coverage, antialias, out_dtype
        As for ``spatial_op.SpatialTransformer``.

    Raises
    ------
    ValueError, TypeError
        When it is called: as ``spatial_op.SpatialTransformer``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import SpatialTransformer
    >>> module = SpatialTransformer((3, 4))
    >>> flip = torch.tensor([[-1.0, 0, 0, 0, 1, 0]])
    >>> module(torch.arange(12.0).reshape(1, 1, 3, 4), flip)[0, 0, 0]
    tensor([3., 2., 1., 0.])
    >>> module.identity_loc()
    tensor([[1., 0., 0., 0., 1., 0.]])
    """

    def __init__(
        self,
        target_shape,
        transform_type="affine",
        sampler_type="bilinear",
        *,
        padding_mode="zeros",
        align_corners=True,
        fill_value=0.0,
        coverage=False,
        antialias=False,
        out_dtype=None,
    ):
        super().__init__()
        self.target_shape, self.transform_type, self.sampler_type = target_shape, transform_type, sampler_type
        self.padding_mode, self.align_corners = padding_mode, align_corners
        self.fill_value, self.coverage, self.antialias, self.out_dtype = fill_value, coverage, antialias, out_dtype

    def forward(self, data, loc):
        """The warped images, (N, C, *target_shape)."""
        return transform(
            data, loc, self.target_shape, self.transform_type, self.sampler_type,
            padding_mode=self.padding_mode, align_corners=self.align_corners, fill_value=self.fill_value, coverage=self.coverage,
            antialias=self.antialias, out_dtype=self.out_dtype,
        )  # fmt: skip

    def identity_loc(self, batch=1, dtype=None, device=None, control_points=16):
        """The parameters that change nothing, a tensor (batch, P): where a localisation network starts.

        Its last layer's weight is set to zeros and its bias to ``identity_loc()[0]``. ``dtype`` is PyTorch's default
        unless it is given; ``control_points`` are those of a spline.
        """
        dtype = dtype or torch.get_default_dtype()
        axes = len(check.entries(self.target_shape))
        loc = identity_loc(self.transform_type, batch, "float64", control_points, axes=axes)
        return torch.from_numpy(loc).to(device=device, dtype=dtype)

    def extra_repr(self):
        """What ``print`` shows."""
        names = ("target_shape", "transform_type", "sampler_type", "padding_mode", "align_corners")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


class GridSampler(Module):
    """Sample images, or volumes, at the points of a grid, as a module.

    Conventions: those of ``spatial_op.torch.grid_sample``. The module has no parameters.

    Parameters
    ----------
    mode : str
        "bilinear", "nearest" or "bicubic", as for ``grid_sample``.
    padding_mode : str
        "zeros", "border" or "reflection".
    align_corners : bool
        Whether -1 and +1 are the centres of the border pixels or their outer edges.

    Raises
    ------
    ValueError, TypeError
        When it is called: as ``grid_sample``.

    Examples
    --------
    >>> import torch
    >>> from spatial_op.torch import GridSampler
    >>> GridSampler()(torch.arange(4.0).reshape(1, 1, 2, 2), torch.zeros(1, 1, 1, 2))
    tensor([[[[1.5000]]]])
    """

    def __init__(self, mode="bilinear", padding_mode="zeros", align_corners=False):
        super().__init__()
        self.mode, self.padding_mode, self.align_corners = mode, padding_mode, align_corners

    def forward(self, input, grid):
        """The samples, (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out)."""
        return grid_sample(input, grid, self.mode, self.padding_mode, self.align_corners)

    def extra_repr(self):
        """What ``print`` shows."""
        return f"mode={self.mode!r}, padding_mode={self.padding_mode!r}, align_corners={self.align_corners}"
