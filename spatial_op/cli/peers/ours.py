"""The package itself, as one of them."""

import numpy as np

import spatial_op

from .base import Job, Peer


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
            out = interleaved_like(problem) if problem.interleaved else None
            return operator(*problem.inputs, out=out, **problem.params)

        def forward_backward():
            out, pullback = spatial_op.vjp(operator, *problem.inputs, **problem.params)
            return (out, *pullback(problem.out_grad))

        return Job(forward, forward_backward, np.asarray)


def interleaved_like(problem):
    """An array for a result whose channels lie side by side."""
    batch, channels, *places = problem.out_grad.shape
    return np.moveaxis(np.empty((batch, *places, channels), problem.out_grad.dtype), -1, 1)
