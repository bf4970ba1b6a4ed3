"""PyTorch, eagerly: second derivatives as functions that PyTorch can map, but not differentiate."""

import itertools
from functools import partial

import torch
from torch.autograd import Function

from ..pullback import third_order
from ..words import speaking
from .calls import curved, pull_tangent, push_twice
from .torch_tensors import WORDS, apart_from, arrays, mapped, spread


class Last(Function):
    """A second derivative, which has no derivative."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep the operator."""
        ctx.op = inputs[0]

    @staticmethod
    def backward(ctx, *grads):
        """Not known."""
        with speaking(WORDS):
            raise third_order(ctx.op.__name__)

    @staticmethod
    def jvp(ctx, *tangents):
        """Not known."""
        with speaking(WORDS):
            raise third_order(ctx.op.__name__)


class PullTangent(Last):
    """How gradients of those inputs that are wanted change along tangents of some inputs."""

    @staticmethod
    def forward(op, params, wanted, which, out_grad, *tensors):
        """The changes."""
        inputs, tangents = apart_from(tensors, which)
        found = pull_tangent(op, arrays(inputs), params, wanted, *arrays([out_grad]), tangents)
        return tuple(map(torch.from_numpy, found))

    @staticmethod
    def vmap(info, in_dims, op, params, wanted, which, *tensors):
        """More samples, unless gradients that they share are wanted."""
        shared = [label in op.operator.shared for label in op.operator.inputs[: len(wanted)]]
        apart = any(want and share for want, share in zip(wanted, shared))
        run = partial(PullTangent.apply, op, params, wanted, which)
        return mapped(info, in_dims[4:], tensors, [False, *shared, *itertools.compress(shared, which)], run, apart)


class PushTwice(Last):
    """How the result's tangent along tangents of some inputs changes along others."""

    @staticmethod
    def forward(op, params, which, others, *tensors):
        """The second tangent."""
        inputs, tangents = apart_from(tensors[: len(which) + sum(which)], which)
        _, changes = apart_from((*inputs, *tensors[len(which) + sum(which) :]), others)
        return torch.from_numpy(push_twice(op, arrays(inputs), params, tangents, changes))

    @staticmethod
    def vmap(info, in_dims, op, params, which, others, *tensors):
        """More samples; or one call after the other, if inputs that they share differ."""
        shared = [label in op.operator.shared for label in op.operator.inputs[: len(which)]]
        shared += [*itertools.compress(shared, which), *itertools.compress(shared, others)]
        return mapped(info, in_dims[4:], tensors, shared, partial(PushTwice.apply, op, params, which, others), False)


def pull_tangents(ctx, moved, which, out_grad, inputs, along):
    """For each input, how its gradient changes along tangents; None where it is not ``moved`` or does not change."""
    wanted = curved(ctx.op, moved, which)
    if not any(wanted):
        return [None for _ in wanted]
    return spread(PullTangent.apply(ctx.op, ctx.params, wanted, which, out_grad, *inputs, *along), wanted)
