"""PyTorch, eagerly: the operator, its gradients and its tangents as functions that PyTorch can differentiate and map.

The gradients are linear in what they are pulled back from, and the tangents in those of the inputs; so both have derivatives
in turn, except where a second derivative of the operator itself would be needed.
"""

from functools import partial

import torch
from torch._functorch.utils import unwrap_dead_wrappers
from torch.autograd import Function, forward_ad

from ..words import Words
from .calls import prepared, pull, push, second_order

WORDS = Words(
    array="a torch.Tensor",
    convert="torch.as_tensor",
    dtype="torch.{0}",
    cast="{0}.to({1})",
    move="{0}.permute({1})",
    several="{0}.expand({1}, {2})",
    empty="torch.empty({0}, dtype={1})",
    vjp="tensors have gradients of their own: call {op} and then backward(), or torch.func.vjp",
    jvp="tensors have tangents of their own: call torch.func.jvp",
)


def arrays(tensors):
    """The same memory as NumPy's arrays; what is negated, or zero, only when it is read, has none and gets some."""
    plain = []
    for tensor in tensors:
        tensor = tensor.detach()
        if tensor.is_neg():
            tensor = tensor.resolve_neg()
        elif tensor._is_zerotensor():
            tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
        plain.append(tensor.numpy())
    return plain


class Step(Function):
    """A function of tensors; ``apply`` does as PyTorch's, which looks up the signature of ``forward`` in each call."""

    @classmethod
    def apply(cls, *inputs):
        """The outputs, as autograd and ``torch.func`` see them."""
        if torch._C._are_functorch_transforms_active():
            return super().apply(*inputs)
        return super(Function, cls).apply(*unwrap_dead_wrappers(inputs))

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
        run = partial(Forward.apply, op, params)
        return mapped(info, in_dims[2:], inputs, [label in op.operator.shared for label in labels], run, False)


class Pull(Step):
    """Gradients of those inputs that are wanted."""

    @staticmethod
    def forward(op, params, wanted, out_grad, *inputs):
        """The gradients."""
        return tuple(map(torch.from_numpy, pull(op, arrays(inputs), params, wanted, *arrays([out_grad]))))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.wanted, _, *inputs = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, *cotangents):
        """Gradients are linear in what they are pulled back from."""
        names = [name for name, want in zip(ctx.op.operator.inputs, ctx.wanted) if want]
        along = {name: value for name, value in zip(names, cotangents) if value is not None}
        second_order(ctx.op, chosen(ctx.op, ctx.needs_input_grad[4:]), along)
        grad = None
        if along and ctx.needs_input_grad[3]:
            which = tuple(name in along for name in ctx.op.operator.inputs[: len(ctx.wanted)])
            grad = Push.apply(ctx.op, ctx.params, which, *ctx.saved_tensors, *along.values())
        return None, None, None, grad, *(None for _ in ctx.wanted)

    @staticmethod
    def jvp(ctx, _, __, ___, out_grad, *tangents):
        """The same, forwards."""
        second_order(ctx.op, chosen(ctx.op, (tangent is not None for tangent in tangents)), chosen(ctx.op, ctx.wanted))
        if out_grad is None:
            return tuple(torch.zeros_like(value) for value, want in zip(ctx.saved_tensors, ctx.wanted) if want)
        return Pull.apply(ctx.op, ctx.params, ctx.wanted, out_grad, *ctx.saved_tensors)

    @staticmethod
    def vmap(info, in_dims, op, params, wanted, *tensors):
        """More samples, unless gradients that they share are wanted."""
        labels = op.operator.inputs[: len(wanted)]
        shared = [label in op.operator.shared for label in labels]
        apart = any(want and share for want, share in zip(wanted, shared))
        run = partial(Pull.apply, op, params, wanted)
        return mapped(info, in_dims[3:], tensors, [False, *shared], run, apart)


class Push(Step):
    """How the result changes along tangents of some inputs."""

    @staticmethod
    def forward(op, params, which, *tensors):
        """The result's tangent."""
        inputs, along = tensors[: len(which)], iter(arrays(tensors[len(which) :]))
        tangents = [next(along) if has else None for has in which]
        return torch.from_numpy(push(op, arrays(inputs), params, tangents))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.which, *tensors = inputs
        tensors = tensors[: len(ctx.which)]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, out_grad):
        """A tangent is linear in those that it comes from."""
        count = 3 + len(ctx.which)
        second_order(ctx.op, chosen(ctx.op, ctx.needs_input_grad[3:count]), chosen(ctx.op, ctx.which))
        grads = Pull.apply(ctx.op, ctx.params, ctx.which, out_grad, *ctx.saved_tensors)
        return *(None for _ in range(count)), *grads

    @staticmethod
    def jvp(ctx, _, __, ___, *tangents):
        """The same, forwards."""
        moved, along = tangents[: len(ctx.which)], tangents[len(ctx.which) :]
        second_order(ctx.op, chosen(ctx.op, (tangent is not None for tangent in moved)), chosen(ctx.op, ctx.which))
        inputs = (value for value, has in zip(ctx.saved_tensors, ctx.which) if has)
        along = (torch.zeros_like(value) if tangent is None else tangent for value, tangent in zip(inputs, along))
        return Push.apply(ctx.op, ctx.params, ctx.which, *ctx.saved_tensors, *along)

    @staticmethod
    def vmap(info, in_dims, op, params, which, *tensors):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(which)]
        shared = [label in op.operator.shared for label in labels]
        shared += [share for share, has in zip(shared, which) if has]
        return mapped(info, in_dims[3:], tensors, shared, partial(Push.apply, op, params, which), False)


def chosen(op, flags):
    """Names of those inputs that are marked."""
    return [name for name, flag in zip(op.operator.inputs, flags) if flag]


def mapped(info, in_dims, tensors, shared, run, apart):
    """A call for each entry of a further axis: as one with more samples, or ``apart``."""
    size = info.batch_size
    if apart or any(share and dim is not None for share, dim in zip(shared, in_dims)):
        results = [
            run(*(value if dim is None else value.select(dim, entry) for value, dim in zip(tensors, in_dims)))
            for entry in range(size)
        ]
        if isinstance(results[0], tuple):
            return tuple(map(torch.stack, zip(*results))), (0,) * len(results[0])
        return torch.stack(results), 0
    folded, samples = [], 0
    for value, dim, share in zip(tensors, in_dims, shared):
        if not share:
            value = value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)
            samples = value.shape[1]
            value = value.flatten(0, 1)
        folded.append(value)
    result = run(*folded)
    if isinstance(result, tuple):
        return tuple(value.unflatten(0, (size, samples)) for value in result), (0,) * len(result)
    return result.unflatten(0, (size, samples)), 0
