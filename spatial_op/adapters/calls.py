"""What the adapters share: an operator's result, gradients and tangents for plain arrays, shapes without numbers, parameters as text."""

import ast
import math
import mmap

import numpy as np

from ..autodiff import known


def given(op, inputs):
    """The inputs without those at the end that are left out."""
    return known(op.__name__, op, tuple(inputs))[2]


def no_out(op, out, kind):
    """``out`` needs memory that may be written to."""
    if out is not None:
        raise TypeError(
            f"{op.__name__}: out is given and the inputs are {kind}, expected it with NumPy or MXNet arrays only; leave it out and use the result."
        )


def of_one_kind(op, inputs, kind, expected, convert):
    """All inputs must be instances of one class, by the name that users know."""
    for argument, value in zip(op.operator.inputs, inputs):
        if not isinstance(value, kind):
            raise TypeError(
                f"{op.__name__}: {argument} is a {type(value).__module__}.{type(value).__qualname__}, "
                f"expected a {expected} like the other inputs; convert it with {convert}."
            )


def describe(op, shapes, dtypes, params):
    """Shape and dtype of the result for inputs of which no numbers are known; raises what the operator would."""
    call = op.operator.prepare(*map(zeros, shapes, dtypes), **params)
    return call.shape, call.dtype


def zeros(shape, dtype):
    """An array that takes no memory as long as nobody touches it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < 2**16:
        return np.zeros(shape, dtype)
    return np.frombuffer(mmap.mmap(-1, size), dtype).reshape(shape)


def pull(op, arrays, params, wanted, out_grad):
    """Gradients of the inputs that are wanted."""
    call = op.operator.prepare(*arrays, **params)
    grads = [np.empty(array.shape, array.dtype) if want else None for array, want in zip(arrays, wanted)]
    call.backward(out_grad, grads, [False] * len(grads))
    return [grad for grad in grads if grad is not None]


def push(op, arrays, params, tangents):
    """How the result changes along tangents, of which some are None."""
    return op.operator.prepare(*arrays, **params).tangent(tangents)


def second_order(op, moved, along):
    """Raise unless the derivative along some inputs is the same wherever the others are: no derivative is silently zero."""
    for first in along:
        for second in moved:
            if first != second or first not in op.operator.linear:
                raise NotImplementedError(
                    f"{op.__name__}: the second derivative with respect to {first} and {second} is not available, expected "
                    "first derivatives only, or second ones of an input in which the result is linear; detach the other inputs."
                )


def to_text(params):
    """Parameters as text, for frameworks that keep nothing else."""
    return repr({key: plain(value) for key, value in params.items()})


def from_text(text):
    """Parameters from text."""
    return ast.literal_eval(text)


def plain(value):
    """Python's own numbers and tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value
