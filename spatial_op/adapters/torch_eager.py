"""PyTorch, eagerly: the operator, its gradients and its tangents as functions that PyTorch can differentiate and map.

The gradients are linear in what they are pulled back from, and the tangents in those of the inputs; how both change with the
inputs is computed as well. That has no derivative in turn.
"""

import inspect
from functools import partial
from itertools import compress

import torch
from torch.autograd import Function, forward_ad

from .calls import curved, prepared, pull, push
from .torch_second import pull_tangents, second_tangent
from .torch_tensors import WORDS, Sum, apart_from, arrays, mapped, present, spread


class Step(Function):
    """A function of tensors. PyTorch asks for the signature of ``forward`` in each call, so it is found once."""

    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.forward.__signature__ = inspect.signature(cls.forward)

    @classmethod
    def run(cls, *inputs):
        """``apply``, or only its numbers where nobody differentiates them again."""
        seen = torch.is_grad_enabled() or forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active()
        return (cls.apply if seen else cls.forward)(*inputs)


class Forward(Step):
    """An operator."""

    @staticmethod
    def forward(op, params, *inputs):
        """The result."""
        return torch.from_numpy(prepared(op, arrays(inputs), params, WORDS).forward())

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, *inputs = inputs
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, out_grad):
        """Gradients of the inputs that need one."""
        wanted = ctx.needs_input_grad[2:]
        grads = iter(Pull.run(ctx.op, ctx.params, wanted, out_grad, *ctx.saved_tensors))
        return None, None, *(next(grads) if want else None for want in wanted)

    @staticmethod
    def jvp(ctx, _, __, *tangents):
        """The result's tangent."""
        which = tuple(tangent is not None for tangent in tangents)
        tangents = (tangent for tangent in tangents if tangent is not None)
        return Push.apply(ctx.op, ctx.params, which, *ctx.saved_tensors, *tangents)

    @staticmethod
    def vmap(info, in_dims, op, params, *inputs):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(inputs)]
        return mapped(info, in_dims[2:], op, labels, inputs, partial(Forward.apply, op, params))


class Pull(Step):
    """Gradients of those inputs that are wanted."""

    @staticmethod
    def forward(op, params, wanted, out_grad, *inputs):
        """The gradients."""
        return tuple(map(torch.from_numpy, pull(op, arrays(inputs), params, wanted, *arrays([out_grad]))))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.wanted, *tensors = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, *cotangents):
        """Gradients are linear in what they are pulled back from; second derivatives are symmetric."""
        cotangents = spread(cotangents, ctx.wanted)
        which, moved = (present(values) for values in (cotangents, ctx.needs_input_grad[4:]))
        along = [value for value in cotangents if value is not None]
        upper, *inputs = ctx.saved_tensors
        grad = None
        if along and ctx.needs_input_grad[3]:
            grad = Push.apply(ctx.op, ctx.params, which, *inputs, *along)
        return None, None, None, grad, *pull_tangents(ctx, moved, which, upper, inputs, along)

    @staticmethod
    def jvp(ctx, _, __, ___, out_grad, *tangents):
        """The same, forwards."""
        which, along = present(tangents), [value for value in tangents if value is not None]
        upper, *inputs = ctx.saved_tensors
        found = pull_tangents(ctx, ctx.wanted, which, upper, inputs, along)
        if out_grad is not None:
            grads = spread(Pull.apply(ctx.op, ctx.params, ctx.wanted, out_grad, *inputs), ctx.wanted)
            found = [grad if more is None else Sum.apply(grad, more) for grad, more in zip(grads, found)]
        return tuple(
            torch.zeros_like(value) if more is None else more
            for value, more, want in zip(inputs, found, ctx.wanted)
            if want
        )

    @staticmethod
    def vmap(info, in_dims, op, params, wanted, *tensors):
        """More samples, unless gradients that they share are wanted."""
        labels = op.operator.inputs[: len(wanted)]
        run, names = partial(Pull.apply, op, params, wanted), compress(labels, wanted)
        return mapped(info, in_dims[3:], op, ["out_grad", *labels], tensors, run, names)


class Push(Step):
    """How the result changes along tangents of some inputs."""

    @staticmethod
    def forward(op, params, which, *tensors):
        """The result's tangent."""
        inputs, tangents = apart_from(tensors, which)
        return torch.from_numpy(push(op, arrays(inputs), params, tangents))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.which, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, out_grad):
        """A tangent is linear in those that it comes from; second derivatives are symmetric."""
        count = len(ctx.which)
        inputs, along = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        moved, wanted = present(ctx.needs_input_grad[3 : 3 + count]), ctx.needs_input_grad[3 + count :]
        grads = (None,) * len(along)
        if any(wanted):
            grads = Pull.apply(ctx.op, ctx.params, ctx.which, out_grad, *inputs)
        return None, None, None, *pull_tangents(ctx, moved, ctx.which, out_grad, inputs, along), *grads

    @staticmethod
    def jvp(ctx, _, __, ___, *tangents):
        """The same, forwards."""
        count = len(ctx.which)
        inputs, along = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        moved, changes = tangents[:count], spread(tangents[count:], ctx.which)
        which, others = present(changes), present(moved)
        parts = []
        if any(curved(ctx.op, others, ctx.which)):
            other = [value for value in moved if value is not None]
            parts.append(second_tangent(ctx, ctx.which, others, inputs, along, other))
        if any(which) or not parts:
            changes = [change for change in changes if change is not None] or map(torch.zeros_like, along)
            parts.append(Push.apply(ctx.op, ctx.params, which if any(which) else ctx.which, *inputs, *changes))
        return parts[0] if len(parts) == 1 else Sum.apply(*parts)

    @staticmethod
    def vmap(info, in_dims, op, params, which, *tensors):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(which)]
        run = partial(Push.apply, op, params, which)
        return mapped(info, in_dims[3:], op, [*labels, *compress(labels, which)], tensors, run)
