"""A network that holds this package's parts, and one for each operator, for tests that record, compile and export."""

import torch

import spatial_op as so
from spatial_op.torch import DeformConv2d


class Network(torch.nn.Module):
    """A transformer, a grid sampler and a deformable convolution: of images of any batch and size, results of the same size."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.loc, self.flow = torch.nn.Linear(3, 6), torch.nn.Conv2d(3, 2, 3, padding=1)
        self.offset, self.deform = torch.nn.Conv2d(3, 27, 3, padding=1), DeformConv2d(3, 4, 3, padding=1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.3, 0.3, generator=generator)
            self.loc.bias += torch.from_numpy(so.identity_loc("affine", 1)[0])

    def forward(self, data):
        warped = so.SpatialTransformer(data, self.loc(data.mean((2, 3))), target_shape=data.shape[2:])
        grid = so.GridGenerator(self.flow(warped), "warp")
        sampled = so.GridSampler(warped, grid, "bicubic", padding_mode="reflection")
        offset, mask = self.offset(sampled).split((18, 9), 1)
        return self.deform(sampled, offset, mask.sigmoid())


class Operator(torch.nn.Module):
    """One operator, called with images that the others of its inputs are made from; its sizes follow them."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, data):
        return self.call(data)


def predict(transform):
    """A localisation: parameters that differ from image to image."""
    still = torch.from_numpy(so.identity_loc(transform, 1))
    return lambda data: still + 0.1 * data.mean((2, 3))[:, :1]


def warp(transform, **params):
    loc = predict(transform)
    return lambda data: so.SpatialTransformer(data, loc(data), data.shape[2:], transform, **params)


def generate(transform):
    loc = predict(transform)
    return lambda data: so.GridGenerator(loc(data), transform, data.shape[2:])


def flow(data):
    return so.GridGenerator(3 * data[:, :2], "warp", align_corners=False)


def sample(**params):
    return lambda data: so.GridSampler(data, 2 * data[:, :2] - 1, **params)


def bilinear(data):
    return so.BilinearSampler(data, 2 * data[:, :2] - 1, padding_mode="border")


def deform(data):
    offset = data.repeat(1, 6, 1, 1)
    weight, bias = torch.linspace(-1, 1, 108).reshape(4, 3, 3, 3), torch.linspace(-1, 1, 4)
    return so.DeformableConvolution(
        data, offset, weight, bias, kernel=(3, 3), pad=(1, 1), num_filter=4, border="zeros"
    )  # fmt: skip


def modulate(data):
    offset, mask, weight = (
        data.repeat(1, 6, 1, 1),
        data.repeat(1, 3, 1, 1),
        torch.linspace(-1, 1, 108).reshape(4, 3, 3, 3),
    )
    return so.ModulatedDeformableConvolution(
        data, offset, mask, weight, None, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True
    )  # fmt: skip


# Each takes images (N, 3, H, W) of any batch and size.
CALLS = {
    "SpatialTransformer": warp("affine", padding_mode="border", align_corners=False),
    "GridGenerator": generate("projective"),
    "GridGenerator, warp": flow,
    "GridSampler": sample(sampler_type="bicubic", padding_mode="reflection"),
    "BilinearSampler": bilinear,
    "DeformableConvolution": deform,
    "ModulatedDeformableConvolution": modulate,
}


def images(batch, *sizes, seed=0):
    return torch.rand(batch, 3, *sizes, generator=torch.Generator().manual_seed(seed))
