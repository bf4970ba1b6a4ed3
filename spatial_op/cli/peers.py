"""The libraries to compare with: one class each, in ``PEERS``.

A peer has a ``name``, an import name (``package``), a sentence on how to ``install`` it, ``supports(problem)`` and
``job(problem)``, which converts a problem's arrays to the library's own and returns what can be timed.
"""

import importlib
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import spatial_op


class Job(NamedTuple):
    """A problem in a library's own arrays; ``forward_backward()`` returns the result and the inputs' gradients."""

    forward: Callable
    forward_backward: Callable | None
    to_numpy: Callable


class Peer:
    """A library, imported when the object is made."""

    name, package, install = "", "", ""

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.module = importlib.import_module(self.package)

    @property
    def version(self):
        """The library's version."""
        return self.module.__version__.partition("+")[0]

    def supports(self, problem):
        """Whether the library has this operator with these parameters."""
        return True

    def set_threads(self, threads):
        """Use so many threads from now on."""


class Ours(Peer):
    """The package itself."""

    name, package = "spatial_op", "spatial_op"

    def set_threads(self, threads):
        """Use so many threads from now on."""
        import numba

        numba.set_num_threads(threads)

    def job(self, problem):
        """The problem as it is."""
        operator = getattr(spatial_op, problem.operator)

        def forward():
            return operator(*problem.inputs, **problem.params)

        def forward_backward():
            out, pullback = spatial_op.vjp(operator, *problem.inputs, **problem.params)
            return (out, *pullback(problem.out_grad))

        return Job(forward, forward_backward, np.asarray)


class MXNet(Peer):
    """MXNet's operators of the same names; they run on one thread."""

    name, package = "MXNet", "mxnet"
    install = 'pip install "spatial-op[mxnet]" under Python 3.10 or 3.11'

    def supports(self, problem):
        """MXNet has bilinear samples of affine transforms, zeros outside and no other corner rule."""
        return (
            problem.params["transform_type"] == "affine"
            and problem.params["sampler_type"] == "bilinear"
            and problem.params.get("padding_mode", "zeros") == "zeros"
            and problem.params.get("align_corners", True)
        )

    def job(self, problem):
        """The problem as MXNet arrays."""
        mx = self.module
        operator = getattr(mx.nd, problem.operator)
        inputs = [mx.nd.array(value, dtype=value.dtype) for value in problem.inputs]
        upper = mx.nd.array(problem.out_grad, dtype=problem.out_grad.dtype)
        params = {key: problem.params[key] for key in ("target_shape", "transform_type", "sampler_type")}
        for value in inputs:
            value.attach_grad()

        def forward():
            out = operator(*inputs, **params)
            out.wait_to_read()
            return out

        def forward_backward():
            with mx.autograd.record():
                out = operator(*inputs, **params)
            out.backward(upper)
            for value in inputs:
                value.grad.wait_to_read()
            return (out, *(value.grad for value in inputs))

        mx.nd.waitall()
        return Job(forward, forward_backward, lambda value: value.asnumpy())


class PyTorch(Peer):
    """``affine_grid`` followed by ``grid_sample``."""

    name, package, install = "PyTorch", "torch", 'pip install "spatial-op[torch]"'

    def supports(self, problem):
        """PyTorch has affine transforms."""
        return problem.operator == "SpatialTransformer" and problem.params["transform_type"] == "affine"

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.module.set_num_threads(threads)

    def job(self, problem):
        """The problem as tensors."""
        torch, functional = self.module, self.module.nn.functional
        data, loc = (torch.from_numpy(value) for value in problem.inputs)
        theta, upper = loc.view(-1, 2, 3), torch.from_numpy(problem.out_grad)
        leaves = data.detach().clone().requires_grad_(), theta.detach().clone().requires_grad_()
        corners = problem.params.get("align_corners", True)
        mode, padding = problem.params["sampler_type"], problem.params.get("padding_mode", "zeros")

        def warp(data, theta):
            grid = functional.affine_grid(theta, upper.shape, align_corners=corners)
            return functional.grid_sample(data, grid, mode=mode, padding_mode=padding, align_corners=corners)

        def forward():
            with torch.no_grad():
                return warp(data, theta)

        def forward_backward():
            out = warp(*leaves)
            grad_data, grad_theta = torch.autograd.grad(out, leaves, upper)
            return out, grad_data, grad_theta.reshape(-1, 6)

        return Job(forward, forward_backward, lambda value: value.detach().numpy())


class OpenCV(Peer):
    """``warpAffine``, image by image with interleaved channels; it has no gradients."""

    name, package, install = "OpenCV", "cv2", 'pip install "spatial-op[opencv]"'

    def supports(self, problem):
        """OpenCV has affine transforms of images with at most 4 channels; its bilinear samples are zero outside too."""
        return (
            problem.operator == "SpatialTransformer"
            and problem.params["transform_type"] == "affine"
            and problem.params["sampler_type"] == "bilinear"
            and problem.params.get("padding_mode", "zeros") == "zeros"
            and problem.params.get("align_corners", True)
            and problem.inputs[0].shape[1] <= 4
        )

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.module.setNumThreads(threads)

    def job(self, problem):
        """The problem as interleaved images and pixel matrices."""
        cv2 = self.module
        data, loc = problem.inputs
        height, width = problem.params["target_shape"]
        images = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image in data]
        matrices = [pixel_matrix(theta, data.shape[2:], (height, width)) for theta in loc]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

        def forward():
            return [
                cv2.warpAffine(image, matrix, (width, height), flags=flags) for image, matrix in zip(images, matrices)
            ]

        def to_numpy(value):
            return np.stack(value).reshape(len(data), height, width, -1).transpose(0, 3, 1, 2)

        return Job(forward, None, to_numpy)


def pixel_matrix(theta, source, target):
    """The 2x3 matrix from output pixels to input pixels that means the same as normalised affine parameters."""

    def to_pixels(height, width):
        x, y = (width - 1) / 2, (height - 1) / 2
        return np.array([[x, 0, x], [0, y, y], [0, 0, 1]])

    normalised = np.vstack([np.float64(theta).reshape(2, 3), [0, 0, 1]])
    return (to_pixels(*source) @ normalised @ np.linalg.inv(to_pixels(*target)))[:2]


PEERS = (MXNet, PyTorch, OpenCV)


def available(rows=None):
    """The peers that can be imported, and a sentence about each other one."""
    found, missing = [], []
    for row in PEERS if rows is None else rows:
        try:
            found.append(row())
        except (ImportError, AttributeError) as error:  # MXNet meets names that newer NumPy versions have removed
            absent = isinstance(error, ModuleNotFoundError) and error.name == row.package
            reason = "is not installed" if absent else "is installed but cannot be imported"
            missing.append(f"{row.name} {reason}; to compare with it: {row.install}")
    return found, missing
