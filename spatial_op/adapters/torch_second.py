"""PyTorch, eagerly: second derivatives as functions that PyTorch can map, and differentiate by all that they are linear in."""

import itertools
from functools import partial

import torch
from torch.autograd import Function

from ..pullback import third_order
from ..words import speaking
from .calls import curved, pull_tangent, push_twice
from .torch_tensors import WORDS, Sum, apart_from, arrays, mapped, present, spread


class Fixed(Function):
    """An input of a second derivative, by which that is not differentiated: who tries is told so, and who does not is not."""

    generate_vmap_rule = True

    @staticmethod
    def forward(op, value):
        """The input."""
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep the operator."""
        ctx.op, _ = inputs

    @staticmethod
    def backward(ctx, grad):
        """Not known."""
        with speaking(WORDS):
            raise third_order(ctx.op.__name__)

    @staticmethod
    def jvp(ctx, _, tangent):
        """Not known."""
        with speaking(WORDS):
            raise third_order(ctx.op.__name__)


class PullTangent(Function):
    """How gradients of those inputs that are wanted change along tangents of some inputs."""

    @staticmethod
    def forward(op, params, wanted, which, out_grad, *tensors):
        """The changes."""
        inputs, tangents = apart_from(tensors, which)
        found = pull_tangent(op, arrays(inputs), params, wanted, *arrays([out_grad]), tangents)
        return tuple(map(torch.from_numpy, found))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.wanted, ctx.which, *tensors = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, *cotangents):
        """They are linear in the upstream gradient and in the tangents; second derivatives are symmetric."""
        upper, *tensors = ctx.saved_tensors
        count = len(ctx.which)
        inputs, tangents = tensors[:count], tensors[count:]
        cotangents = spread(cotangents, ctx.wanted)
        others, along = present(cotangents), [value for value in cotangents if value is not None]
        grad = None
        if along and ctx.needs_input_grad[4]:
            grad = PushTwice.apply(ctx.op, ctx.params, ctx.which, others, *inputs, *tangents, *along)
        grads = pull_tangents(ctx, ctx.which, others, upper, inputs, along)
        return *(None,) * 4, grad, *(None for _ in inputs), *itertools.compress(grads, ctx.which)

    @staticmethod
    def jvp(ctx, _, __, ___, ____, change, *tangents):
        """The same, forwards."""
        upper, *tensors = ctx.saved_tensors
        count = len(ctx.which)
        inputs, found = tensors[:count], [None] * sum(ctx.wanted)
        changes = spread(tangents[count:], ctx.which)
        along = [value for value in changes if value is not None]
        if along:
            found = PullTangent.apply(ctx.op, ctx.params, ctx.wanted, present(changes), upper, *inputs, *along)
        if change is not None:
            more = PullTangent.apply(ctx.op, ctx.params, ctx.wanted, ctx.which, change, *tensors)
            found = [one if other is None else Sum.apply(one, other) for one, other in zip(more, found)]
        return tuple(found)

    @staticmethod
    def vmap(info, in_dims, op, params, wanted, which, *tensors):
        """More samples, unless gradients that they share are wanted."""
        labels = op.operator.inputs[: len(wanted)]
        run, names = partial(PullTangent.apply, op, params, wanted, which), itertools.compress(labels, wanted)
        labels = "out_grad", *labels, *itertools.compress(labels, which)
        return mapped(info, in_dims[4:], op, labels, tensors, run, names)


class PushTwice(Function):
    """How the result's tangent along tangents of some inputs changes along others."""

    @staticmethod
    def forward(op, params, which, others, *tensors):
        """The second tangent."""
        count, first = len(which), len(which) + sum(which)
        inputs, tangents = apart_from(tensors[:first], which)
        _, changes = apart_from((*tensors[:count], *tensors[first:]), others)
        return torch.from_numpy(push_twice(op, arrays(inputs), params, tangents, changes))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.which, ctx.others, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, out_grad):
        """It is linear in either tangents."""
        count, first = len(ctx.which), len(ctx.which) + sum(ctx.which)
        inputs, one, other = ctx.saved_tensors[:count], ctx.saved_tensors[count:first], ctx.saved_tensors[first:]
        grads = pull_tangents(ctx, ctx.which, ctx.others, out_grad, inputs, other)
        more = pull_tangents(ctx, ctx.others, ctx.which, out_grad, inputs, one)
        return (
            *(None,) * (4 + count), *itertools.compress(grads, ctx.which), *itertools.compress(more, ctx.others),
        )  # fmt: skip

    @staticmethod
    def jvp(ctx, _, __, ___, ____, *tangents):
        """The same, forwards; PyTorch makes zeros of tangents that there are none of."""
        count, first = len(ctx.which), len(ctx.which) + sum(ctx.which)
        inputs, one, other = ctx.saved_tensors[:count], ctx.saved_tensors[count:first], ctx.saved_tensors[first:]
        run = partial(PushTwice.apply, ctx.op, ctx.params, ctx.which, ctx.others, *inputs)
        return Sum.apply(run(*tangents[count:first], *other), run(*one, *tangents[first:]))

    @staticmethod
    def vmap(info, in_dims, op, params, which, others, *tensors):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(which)]
        labels = *labels, *itertools.compress(labels, which), *itertools.compress(labels, others)
        return mapped(info, in_dims[4:], op, labels, tensors, partial(PushTwice.apply, op, params, which, others))


def fixed(op, inputs):
    """The inputs of a second derivative."""
    return [Fixed.apply(op, value) for value in inputs]


def pull_tangents(ctx, moved, which, out_grad, inputs, along):
    """For each input, how its gradient changes along tangents; None where it is not ``moved`` or does not change."""
    wanted = curved(ctx.op, moved, which)
    if not any(wanted):
        return [None for _ in wanted]
    inputs = fixed(ctx.op, inputs)
    return spread(PullTangent.apply(ctx.op, ctx.params, wanted, which, out_grad, *inputs, *along), wanted)


def second_tangent(ctx, which, others, inputs, one, other):
    """How the tangent along one of two sets of tangents changes along the other."""
    return PushTwice.apply(ctx.op, ctx.params, which, others, *fixed(ctx.op, inputs), *one, *other)
