"""Second derivatives as primitives of JAX: how gradients and tangents change with the inputs.

Both are linear in all that they are given but the inputs. Second derivatives are symmetric, so ``gradient_tangent`` is its own transpose
by the tangents, and ``second_tangent`` its transpose by the upstream gradient. A third derivative is refused.
"""

import itertools

from jax.extend.core import Primitive
from jax.interpreters import ad

from ..pullback import third_order
from ..words import speaking
from . import jax_native, jax_python
from .jax_python import split
from .jax_rules import WORDS, call_of, named, present, register, shape_of, unmoved

# ``gradient_tangent(out_grad, *inputs, *moves)``: how gradients of the inputs that ``wanted`` marks change along those that ``along`` marks.
gradient_tangent = Primitive("spatial_op_gradient_tangent")
gradient_tangent.multiple_results = True

# ``second_tangent(*inputs, *moves, *changes)``: how the tangent along ``along`` changes along ``others``.
second_tangent = Primitive("spatial_op_second_tangent")


def sums(like, parts):
    """The sum of tangents of an array."""
    if not parts:
        return unmoved(like)
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def still(op, tangents):
    """Refuse tangents of the inputs of a second derivative."""
    if any(present(tangents)[0]):
        with speaking(WORDS):
            raise third_order(op.__name__)


def gradient_tangent_shape(out_grad, *values, op, params, wanted, along):
    """Those of the inputs."""
    return [shape_of(value) for value, want in zip(values, wanted) if want]


def gradient_tangent_run(near, out_grad, *values, op, params, wanted, along):
    """In Python."""
    call_of(op, values[: len(along)], params)
    results = [jax_native.like(value) for value, want in zip(values, wanted) if want]
    operands = out_grad, *values
    return jax_python.call(near, jax_python.gradient_tangent, op, params, (wanted, along), operands, results)


def gradient_tangent_jvp(values, tangents, *, wanted, along, **words):
    """It is linear in the upstream gradient and in the moves."""
    (upper, *values), (change, *tangents), count = values, tangents, len(along)
    inputs = values[:count]
    still(words["op"], tangents[:count])
    found, parts = gradient_tangent.bind(upper, *values, **words, wanted=wanted, along=along), []
    if type(change) is not ad.Zero:
        parts.append(gradient_tangent.bind(change, *values, **words, wanted=wanted, along=along))
    moves, changes = present(split(tangents, along)[1])
    if changes:
        parts.append(gradient_tangent.bind(upper, *inputs, *changes, **words, wanted=wanted, along=moves))
    return found, [sums(*each) for each in zip(found, map(list, zip(*parts)) if parts else itertools.repeat([]))]


def gradient_tangent_transpose(cotangents, out_grad, *values, wanted, along, **words):
    """The second tangent along moves and cotangents, or how the gradients of the moves change along the cotangents."""
    count = len(along)
    inputs, moves = values[:count], values[count:]
    others, across = present(split((*inputs, *cotangents), wanted)[1])
    if ad.is_undefined_primal(out_grad):
        found = second_tangent.bind(*inputs, *moves, *across, **words, along=along, others=others)
        return found, *(None for _ in values)
    which = tuple(move is not None and ad.is_undefined_primal(move) for move in split(values, along)[1])
    found = gradient_tangent.bind(out_grad, *inputs, *across, **words, wanted=which, along=others)
    return None, *(None for _ in inputs), *itertools.compress(split((*inputs, *found), which)[1], along)


def second_tangent_shape(*values, op, params, along, others):
    """That of the result."""
    return shape_of(call_of(op, values[: len(along)], params))


def second_tangent_run(near, *values, op, params, along, others):
    """In Python."""
    results = [jax_native.like(call_of(op, values[: len(along)], params))]
    return jax_python.call(near, jax_python.second_tangent, op, params, (along, others), values, results)[0]


def second_tangent_jvp(values, tangents, *, along, others, **words):
    """It is linear in either moves."""
    count, first = len(along), len(along) + sum(along)
    inputs, one, other = values[:count], values[count:first], values[first:]
    still(words["op"], tangents[:count])
    out, parts = second_tangent.bind(*values, **words, along=along, others=others), []
    marks, changes = present(split(tangents[:first], along)[1])
    if changes:
        parts.append(second_tangent.bind(*inputs, *changes, *other, **words, along=marks, others=others))
    marks, changes = present(split((*inputs, *tangents[first:]), others)[1])
    if changes:
        parts.append(second_tangent.bind(*inputs, *one, *changes, **words, along=along, others=marks))
    return out, sums(out, parts)


def second_tangent_transpose(out_grad, *values, along, others, **words):
    """How the gradients of the moves that are not known change along the others."""
    count, first = len(along), len(along) + sum(along)
    inputs, one, other = values[:count], values[count:first], values[first:]
    unknown = any(map(ad.is_undefined_primal, one))
    known, marks, wanted = (other, others, along) if unknown else (one, along, others)
    found = gradient_tangent.bind(out_grad, *inputs, *known, **words, wanted=wanted, along=marks)
    nothing = [None for _ in known]
    return *(None for _ in inputs), *((*found, *nothing) if unknown else (*nothing, *found))


register(
    gradient_tangent, lambda op, params, wanted, along: ("out_grad", *op.operator.inputs[: len(along)], *named(op, along)),
    gradient_tangent_shape, gradient_tangent_run, gradient_tangent_jvp, gradient_tangent_transpose,
)  # fmt: skip
register(
    second_tangent,
    lambda op, params, along, others: (*op.operator.inputs[: len(along)], *named(op, along), *named(op, others)),
    second_tangent_shape, second_tangent_run, second_tangent_jvp, second_tangent_transpose,
)  # fmt: skip
