"""Tensors: what they are called, the same memory as arrays, and calls for each entry of a further axis."""

import torch
from torch.autograd import Function

from ..words import Words
from .calls import folded

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
    detach="call detach() on second derivatives",
)


def arrays(tensors):
    """The same memory as NumPy's arrays; what is negated, conjugated, or zero, only when it is read, has none and gets some."""
    plain = []
    for tensor in tensors:
        tensor = tensor.detach()
        if tensor.is_neg() or tensor.is_conj():
            tensor = tensor.resolve_conj().resolve_neg()
        elif tensor._is_zerotensor():
            tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
        plain.append(tensor.numpy())
    return plain


class Sum(Function):
    """A sum within the rule of another function's tangent, where PyTorch's own sum would drop the tangents of outer transformations."""

    generate_vmap_rule = True

    @staticmethod
    def forward(one, other):
        """The sum."""
        return one + other

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing is needed."""

    @staticmethod
    def backward(ctx, grad):
        """The gradient is that of either."""
        return grad, grad

    @staticmethod
    def jvp(ctx, one, other):
        """The tangents' sum."""
        return Sum.apply(one, other)


def apart_from(tensors, which):
    """The inputs, and arrays of their tangents or None."""
    count = len(which)
    return tensors[:count], spread(arrays(tensors[count:]), which)


def present(values):
    """Where there is something."""
    return tuple(value is not None and value is not False for value in values)


def spread(values, which):
    """The values at the marked places, and None elsewhere."""
    values = iter(values)
    return [next(values) if mark else None for mark in which]


def mapped(info, in_dims, op, labels, tensors, run, wanted=()):
    """A call for each entry of a further axis: as one with more samples, or one after the other.

    ``labels`` are the inputs that the tensors belong to, of which gradients may be ``wanted``.
    """
    size = info.batch_size
    batches = [value.shape[dim == 0] for value, dim in zip(tensors, in_dims)]
    found = folded(op, labels, [dim is not None for dim in in_dims], batches, wanted)
    if found is None:
        results = [
            run(*(value if dim is None else value.select(dim, entry) for value, dim in zip(tensors, in_dims)))
            for entry in range(size)
        ]
        if isinstance(results[0], tuple):
            return tuple(map(torch.stack, zip(*results))), (0,) * len(results[0])
        return torch.stack(results), 0
    (samples, counts), whole = found, []
    for value, dim, count in zip(tensors, in_dims, counts):
        if count is not None:
            value = value[None] if dim is None else value.movedim(dim, 0)
            value = value.expand(size, count, *value.shape[2:]).flatten(0, 1)
        whole.append(value)
    result = run(*whole)

    def unfolded(value):  # of inputs that serve several samples each there are fewer gradients
        return value.unflatten(0, (size, len(value) // size if size else samples))

    if isinstance(result, tuple):
        return tuple(map(unfolded, result)), (0,) * len(result)
    return unfolded(result), 0
