"""PyTorch: ``affine_grid``, ``grid_sample``, and the grids that it lacks, made of its operations."""

import functools
import importlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import spline
from .base import Job, Peer


class Form(NamedTuple):
    """How an array is laid out in PyTorch: from a problem's array, and from a tensor back without copying."""

    there: Callable
    back: Callable


# Samplers -> PyTorch's words; its "nearest" rounds halves to even.
MODES = {"bilinear": "bilinear", "nearest_even": "nearest", "bicubic": "bicubic"}
PADDINGS = ("zeros", "border", "reflection")

PLAIN = Form(lambda array: array, lambda tensor: tensor)
MATRICES = Form(
    lambda array: array.reshape(len(array), *{6: (2, 3), 12: (3, 4)}[array.shape[1]]), lambda tensor: tensor.flatten(1)
)
COORDINATES_LAST = Form(lambda array: np.moveaxis(array, 1, -1), lambda tensor: tensor.movedim(-1, 1))


def forms(problem):
    """The forms of the result and of each input."""
    if problem.convolves:
        return (PLAIN,) * (1 + len(problem.inputs))
    of_transforms = {"affine": MATRICES, "projective": PLAIN, "tps": PLAIN}
    given = of_transforms.get(problem.option("transform_type"), COORDINATES_LAST)
    return (COORDINATES_LAST, given) if problem.operator == "GridGenerator" else (PLAIN, PLAIN, given)


def ramps(torch, problem):
    """Normalised coordinates of the output's columns and rows."""
    for size in problem.out_grad.shape[:1:-1]:
        edge = 1.0 if problem.option("align_corners") else 1 - 1 / size
        yield torch.from_numpy(np.linspace(-edge, edge, size).astype(problem.out_grad.dtype))


def affine(torch, problem):
    """``affine_grid``."""
    size = (len(problem.out_grad), 1, *problem.out_grad.shape[2:])
    return functools.partial(torch.nn.functional.affine_grid, size=size, align_corners=problem.option("align_corners"))


def homogeneous(torch, problem):
    """The output's pixels, normalised: (x, y, 1) by height by width."""
    x, y = ramps(torch, problem)
    return torch.stack(torch.broadcast_tensors(x, y[:, None], torch.ones_like(x)))


def projective(torch, problem):
    """A homography of points that are kept."""
    points = homogeneous(torch, problem)
    last = torch.ones(len(problem.out_grad), 1, dtype=points.dtype)

    def grid(loc):
        matrices = torch.cat([loc, last], 1).view(-1, 3)
        sources = (matrices @ points.flatten(1)).view(-1, *points.shape)
        return (sources[:, :2] / sources[:, 2:]).permute(0, 2, 3, 1)

    return grid


def tps(torch, problem, kept=False):
    """A thin plate spline; the inverse of its system is kept, the basis on the output's pixels only if ``kept``."""
    points = homogeneous(torch, problem)
    batch, count = len(problem.out_grad), problem.inputs[-1].shape[1] // 2
    lattice, inverse = (
        torch.from_numpy(array).to(points.dtype) for array in (spline.lattice(count), spline.inverse(count))
    )
    inverse[:, :count] /= 2  # because r^2 log r is half of r^2 log r^2
    across, down = ((ramp - centres[:, None]) ** 2 for ramp, centres in zip(ramps(torch, problem), lattice))
    identity = torch.eye(2, count + 3, dtype=points.dtype).roll(count, 1).repeat(batch, 1)

    def basis():
        squared = across[:, None] + down[:, :, None]
        return torch.cat([torch.xlogy(squared, squared), points]).flatten(1)

    stored = basis() if kept else None

    def grid(loc):
        coefficients = torch.addmm(identity, (loc - lattice.flatten()).view(-1, count), inverse)
        sources = coefficients @ (basis() if stored is None else stored)
        return sources.view(batch, 2, *points.shape[1:]).permute(0, 2, 3, 1)

    return grid


def flow(torch, problem):
    """Optical flow in pixels, with its coordinates last."""
    x, y = ramps(torch, problem)
    start = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    scale = torch.tensor([2 / (size - problem.option("align_corners")) for size in (len(x), len(y))], dtype=x.dtype)
    return lambda pixels: torch.addcmul(start, pixels, scale)


class PyTorch(Peer):
    """PyTorch's functions; arrays are converted to the layouts that these expect before the time is taken."""

    name, package, install = "PyTorch", "torch", 'pip install ".[torch]" in a checkout of spatial_op'
    grids = {"affine": affine, "projective": projective, "tps": tps, "warp": flow}

    def __init__(self):
        super().__init__()
        self.torch = importlib.import_module("torch")

    def supports(self, problem):
        """PyTorch samples on any grid."""
        return (
            not problem.convolves
            and problem.option("sampler_type") in MODES
            and problem.option("padding_mode") in PADDINGS
            and problem.option("transform_type") in (None, *self.grids)
        )

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.torch.set_num_threads(threads)

    def function(self, problem):
        """The problem as a function of tensors."""
        if problem.operator == "GridGenerator":
            return self.grids[problem.option("transform_type")](self.torch, problem)
        sample = functools.partial(
            self.torch.nn.functional.grid_sample,
            mode=MODES[problem.option("sampler_type")],
            padding_mode=problem.option("padding_mode"),
            align_corners=problem.option("align_corners"),
        )
        if problem.operator != "SpatialTransformer":
            return sample
        grid = self.grids[problem.option("transform_type")](self.torch, problem)
        return lambda data, loc: sample(data, grid(loc))

    def laid_out(self, data):
        """The first input in the layout that is asked for."""
        return data

    def job(self, problem):
        """The problem as tensors."""
        torch, function, (result, *given) = self.torch, self.function(problem), forms(problem)

        def tensor(form, array):
            return torch.from_numpy(np.ascontiguousarray(form.there(array)))

        inputs = [tensor(form, array) for form, array in zip(given, problem.inputs)]
        inputs[0] = self.laid_out(inputs[0])
        inputs = [value.requires_grad_() for value in inputs]
        upper = tensor(result, problem.out_grad)

        def forward():
            with torch.no_grad():
                return result.back(function(*inputs))

        def forward_backward():
            out = function(*inputs)
            grads = torch.autograd.grad(out, inputs, upper)
            return (result.back(out), *(form.back(grad) for form, grad in zip(given, grads)))

        return Job(forward, forward_backward, lambda value: value.detach().numpy())


class PyTorchKept(PyTorch):
    """The same, where the basis of a spline is computed once: it depends on the output's size only."""

    name = "PyTorch, basis kept"
    grids = {"tps": functools.partial(tps, kept=True)}

    def supports(self, problem):
        """It differs for splines."""
        return problem.option("transform_type") == "tps"


class PyTorchChannelsLast(PyTorch):
    """The same, where the channels of a pixel lie side by side."""

    name = "PyTorch, channels last"

    def supports(self, problem):
        """It differs for images of more than one channel; the grid is given, so that nothing but the samples is timed."""
        return (
            problem.operator in ("GridSampler", "BilinearSampler")
            and problem.axes == 2
            and problem.inputs[0].shape[1] > 1
            and problem.option("sampler_type") in MODES
            and problem.option("padding_mode") in PADDINGS
        )

    def laid_out(self, data):
        """Channels last."""
        return data.contiguous(memory_format=self.torch.channels_last)
