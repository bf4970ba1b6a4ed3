"""Limits of a deformable convolution: what a part of its work takes where that part is done well."""

import numpy as np

from .base import Job, Peer
from .pytorch import PyTorch


class PlainConvolution(PyTorch):
    """The convolution of the same sizes that samples where it stands."""

    name, limit = "PyTorch, plain convolution", True

    def supports(self, problem):
        """There is one for each deformable convolution."""
        return problem.convolves

    def function(self, problem):
        """The problem as a function of the tensors that remain."""
        stride, pad, dilate = (problem.option(name) for name in ("stride", "pad", "dilate"))
        groups = problem.option("num_group")

        def convolve(data, weight, bias):
            return self.torch.nn.functional.conv2d(data, weight, bias, stride, pad, dilate, groups)

        return convolve

    def job(self, problem):
        """The problem as tensors, without its offsets and mask."""
        return super().job(problem._replace(inputs=tuple(problem.named[name] for name in ("data", "weight", "bias"))))


class BareProducts(Peer):
    """The products of matrices alone: their columns, the samples, lie ready; the sum over the images is left out."""

    name, package, install = "NumPy, bare products", "threadpoolctl", "pip install threadpoolctl"
    version, limit = np.__version__, True

    def supports(self, problem):
        """Every convolution multiplies."""
        return problem.convolves

    def set_threads(self, threads):
        """Use so many threads from now on."""
        self.module.threadpool_limits(threads, user_api="blas")

    def job(self, problem):
        """One product for each image and group forward, and two backward."""
        weight, upper = problem.named["weight"], problem.out_grad
        batch, groups = len(upper), problem.option("num_group")
        weight = weight.reshape(groups, len(weight) // groups, -1)
        upper = upper.reshape(batch, groups, weight.shape[1], -1)
        columns = np.ones((batch, groups, weight.shape[2], upper.shape[3]), upper.dtype)
        out, grad_columns = np.empty_like(upper), np.empty_like(columns)
        grad_weight = np.empty((batch, *weight.shape), weight.dtype)

        def forward():
            return np.matmul(weight, columns, out=out)

        def forward_backward():
            np.matmul(upper, columns.swapaxes(2, 3), out=grad_weight)
            np.matmul(weight.swapaxes(1, 2), upper, out=grad_columns)
            return forward(), grad_weight, grad_columns

        return Job(forward, forward_backward, np.asarray)
