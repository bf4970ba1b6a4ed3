"""What the adapters share: an operator's result, gradients and tangents for plain arrays, shapes without numbers, parameters as text."""

import ast

import numpy as np

from .. import check
from ..autodiff import known
from ..operators.memory import like
from ..words import speaking

# What the text of a float begins with.
FLOAT = "float "


def given(op, inputs):
    """The inputs without those at the end that are left out."""
    return known(op.__name__, op, tuple(inputs))[2]


def no_out(op, out, kind):
    """``out`` needs memory that may be written to."""
    if out is not None:
        raise TypeError(
            f"{op.__name__}: out is given and the inputs are {kind}, expected it with NumPy or MXNet arrays only; leave it out and use the result."
        )


def of_one_kind(op, inputs, kind, words):
    """All inputs must be instances of one class."""
    for argument, value in zip(op.operator.inputs, inputs):
        if not isinstance(value, kind):
            check.another(op.__name__, argument, value, words, " like the other inputs")


def prepared(op, arrays, params, words):
    """The operator's call, and its errors in the words of a framework."""
    with speaking(words):
        return op.operator.prepare(*arrays, **params)


def describe(op, shapes, dtypes, params, words):
    """Shape and dtype of the result for inputs of which no numbers are known; raises what the operator would."""
    labels = op.operator.inputs
    with speaking(words):
        arrays = [hollow(op, *one) for one in zip(labels, shapes, dtypes)]
        call = op.operator.prepare(*arrays, **params)
    return call.shape, call.dtype


def hollow(op, argument, shape, dtype):
    """An array of a shape and a dtype that takes no memory: all its entries are one."""
    try:
        one = np.zeros((), dtype)
    except TypeError:  # a dtype of the framework's own
        check.unknown(op.__name__, argument, dtype)
    return np.broadcast_to(one, check.result(op.__name__, argument, tuple(shape)))


def pull(op, arrays, params, wanted, out_grad):
    """Gradients of the inputs that are wanted."""
    grads = [like(array) if want else None for array, want in zip(arrays, wanted)]
    op.operator.prepare(*arrays, **params).backward(out_grad, grads, [False] * len(grads))
    return [grad for grad in grads if grad is not None]


def pull_tangent(op, arrays, params, wanted, out_grad, tangents):
    """How gradients of the inputs that are wanted change along tangents, of which some are None."""
    grads = [like(array) if want else None for array, want in zip(arrays, wanted)]
    op.operator.prepare(*arrays, **params).backward_tangent(out_grad, tangents, grads, [False] * len(grads))
    return [grad for grad in grads if grad is not None]


def push(op, arrays, params, tangents):
    """How the result changes along tangents, of which some are None."""
    return op.operator.prepare(*arrays, **params).tangent(tangents)


def push_twice(op, arrays, params, tangents, others):
    """How that changes along other tangents."""
    return op.operator.prepare(*arrays, **params).second_tangent(tangents, others)


def curved(op, moved, along):
    """For each input whether it is ``moved`` and the derivatives with respect to it change with inputs that are moved ``along``."""
    names = op.operator.inputs[: len(moved)]
    return tuple(
        move and any(other and (one != two or one not in op.operator.linear) for two, other in zip(names, along))
        for one, move in zip(names, moved)
    )


def folded(op, labels, mapped, batches, wanted):
    """How entries of a further axis, which the ``mapped`` arrays have, become more samples of one call; None if each needs a call of its own.

    ``labels`` are the inputs that the arrays belong to, of which gradients may be ``wanted``, and ``batches`` their samples in
    an entry. The answer is how many samples an entry has, and how many of each array, or None if it stays as it is: one for all entries.
    """
    shared, single, wanted = set(op.operator.shared), set(op.operator.single), set(wanted)
    samples = next((count for label, count in zip(labels, batches) if label not in shared and count != 1), 1)
    moving = {label for label, have in zip(labels, mapped) if have}
    several = {label for label, count in zip(labels, batches) if count != 1}
    summed = single - several if samples != 1 else set()  # whose gradient is a sum over the samples of each entry
    if shared & (moving | wanted) or summed & wanted:
        return None
    stay = shared | single - several - moving - wanted
    counts = (samples if label in single else count for label, count in zip(labels, batches))
    return samples, [None if label in stay else count for label, count in zip(labels, counts)]


def to_text(params):
    """Parameters as text, for frameworks that keep nothing else."""
    return repr({key: spelled(plain(value)) for key, value in params.items()})


def from_text(text):
    """Parameters from text."""
    return {key: read(value) for key, value in ast.literal_eval(text).items()}


def spelled(value):
    """Floats as text, so that infinite ones and NaN can be read again."""
    if isinstance(value, tuple):
        return tuple(map(spelled, value))
    return FLOAT + value.hex() if isinstance(value, float) else value


def read(value):
    """Floats from text."""
    if isinstance(value, tuple):
        return tuple(map(read, value))
    return float.fromhex(value.removeprefix(FLOAT)) if isinstance(value, str) and value.startswith(FLOAT) else value


def plain(value):
    """Python's own numbers, words and tuples, for those of NumPy and other libraries too.

    What is nothing of that kind becomes text, which no operator takes; so the operator says what it wants instead.
    """
    if type(value) in (bool, int, float, str, bytes, type(None)):
        return value
    for reader in ("tolist", "asnumpy"):  # numbers and arrays
        if hasattr(value, reader):
            return plain(getattr(value, reader)())
    if isinstance(value, (list, tuple, range)):
        return tuple(map(plain, value))
    for kind in (bool, int, str):
        if isinstance(value, kind):
            return kind(value)
    return check.shown(value)
