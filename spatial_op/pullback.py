"""Pull backs: what ``vjp`` returns beside a result. Each is an operator itself, of the inputs and the upstream gradient."""

import numpy as np

from . import check
from .dtypes import DTYPES, IMAGES, smooth
from .operators import Operator
from .operators.memory import clear, like
from .words import words


class Pullback:
    """Pulls gradients back; ``operator`` is what ``vjp`` and ``jvp`` need in order to differentiate that in turn."""

    def __init__(self, op, params, call, inputs, requests):
        self.__name__ = f"the pull back of {op.__name__}"
        self.op, self.params, self.call, self.inputs, self.requests = op, params, call, inputs, requests

    def __call__(self, out_grad, out=None):
        """Gradients of the inputs for the gradient of the result, written to the arrays in ``out`` where there are any."""
        name, names = self.op.__name__, tuple(self.inputs)
        fit(name, self.call, out_grad)
        out = (None,) * len(names) if out is None else several(name, "out", out, names)
        if len(out) != len(names):
            raise ValueError(
                f"{name}: out has {len(out)} entries, expected one for each of {', '.join(names)}; pass None where there is none."
            )
        taken = {**self.inputs, **labelled(self.call, out_grad)}
        for (argument, value), request, given in zip(self.inputs.items(), self.requests, out):
            if request == "add" and given is None:
                raise ValueError(
                    f"{name}: grad_req of {argument} is 'add' but there is nothing to add to; "
                    "pass the array in pullback(out_grad, out=...)."
                )
            if given is not None and request != "null":
                label = f"the gradient of {argument}"
                check.output(name, f"out for {label}", given, value.shape, value.dtype.newbyteorder("="), taken)
                taken[label] = given
        grads = []
        for value, request, given in zip(self.inputs.values(), self.requests, out):
            grads.append(None if request == "null" else like(value) if given is None else given)
        if any(grad is not None for grad in grads):
            self.call.backward(out_grad, grads, [request == "add" for request in self.requests])
        return tuple(grads)

    @property
    def operator(self):
        """The pull back as an operator, whose result is the tuple of gradients."""
        if isinstance(self.call, PullbackCall):
            raise third_order(self.call.name)
        return Operator((*self.inputs, "out_grad"), self.prepare, self.shapes, linear=("out_grad",))

    def shapes(self, shapes):
        """Those of the gradients, from those of the inputs."""
        return tuple(shapes[name] for name, request in zip(self.inputs, self.requests) if request != "null")

    def prepare(self, *inputs):
        """Check a call of the pull back at any inputs, and return it."""
        for argument, request in zip(self.inputs, self.requests):
            if request == "add":
                raise ValueError(
                    f"{self.__name__}: grad_req of {argument} is 'add', expected 'write' or 'null' of what is differentiated again; "
                    "add the results yourself."
                )
        *inputs, out_grad = inputs
        call = self.op.operator.prepare(*inputs, **self.params)
        fit(self.__name__, call, out_grad)
        wanted = [request != "null" for request in self.requests]
        return PullbackCall(self.op.__name__, call, dict(zip(self.inputs, inputs)), out_grad, wanted)


class PullbackCall:
    """One call of a pull back as an operator; all that it is given has been checked."""

    def __init__(self, name, call, inputs, out_grad, wanted):
        self.name, self.call, self.inputs, self.out_grad, self.wanted = name, call, inputs, out_grad, wanted

    def new(self):
        """Arrays for those gradients that are wanted."""
        return [like(value) if want else None for value, want in zip(self.inputs.values(), self.wanted)]

    def forward(self, out=None):
        """The gradients."""
        grads = self.new()
        if any(self.wanted):
            self.call.backward(self.out_grad, grads, [False] * len(grads))
        return tuple(grads)

    def tangent(self, tangents):
        """How they change when inputs and upstream gradient change by ``tangents``, of which some may be None."""
        *moved, change = tangents
        grads, add = self.new(), [False] * len(moved)
        if change is not None and any(self.wanted):
            self.call.backward(change, grads, add)
            add = [True] * len(moved)
        if any(self.wanted) and any(tangent is not None for tangent in moved):
            self.call.backward_tangent(self.out_grad, moved, grads, add)
        return tuple(grads)

    def backward(self, cotangents, grads, add):
        """Pull back a ``cotangents`` for each gradient, of which some may be None.

        A gradient of a gradient is the gradient's own derivative along the cotangents, since second derivatives are symmetric.
        """
        if all(cotangent is None for cotangent in cotangents):
            return clear(grads, add)
        *grads, upper = grads
        if any(grad is not None for grad in grads):
            self.call.backward_tangent(self.out_grad, cotangents, grads, add[:-1])
        if upper is not None:
            tangent = self.call.tangent(cotangents)
            with np.errstate(over="ignore", invalid="ignore"):  # infinite gradients are results too
                upper[...] = tangent + upper if add[-1] else tangent


def fit(name, call, out_grad):
    """Check what is pulled back: an array like the result or, of a pull back, one or None for each gradient."""
    if not isinstance(call, PullbackCall):
        return alike(name, "out_grad", "out_grad", out_grad, call.shape, smooth(call.dtype), "the result")
    out_grad = several(name, "out_grad", out_grad, call.inputs)
    if len(out_grad) != len(call.inputs):
        raise ValueError(
            f"{name}: out_grad has {len(out_grad)} entries, expected one for each of {', '.join(call.inputs)}; pass None where there is none."
        )
    for (argument, value), want, given in zip(call.inputs.items(), call.wanted, out_grad):
        if given is not None:
            label = f"out_grad of {argument}"
            if not want:
                raise ValueError(
                    f"{name}: {label} is an array but grad_req of {argument} is 'null', expected None; pass None."
                )
            alike(name, label, "out_grad", given, value.shape, value.dtype.newbyteorder("="), argument)


def alike(name, label, variable, value, shape, dtype, other):
    """Check that an array has the shape and the dtype of another one; the caller has it in a ``variable``."""
    check.array(name, label, value, tuple(str(size) for size in shape), dtypes=DTYPES if dtype in DTYPES else IMAGES)
    if value.dtype.newbyteorder("=") != dtype:
        raise TypeError(
            f"{name}: {label} has dtype {value.dtype}, expected {dtype} as {other}; "
            f"convert it with {words().cast_to(variable, dtype)}."
        )
    check.shape(name, label, value, shape, f"the shape of {other}")


def labelled(call, out_grad):
    """The arrays that are pulled back, by name."""
    if not isinstance(call, PullbackCall):
        return {"out_grad": out_grad}
    return {f"out_grad of {name}": value for name, value in zip(call.inputs, out_grad) if value is not None}


def several(name, argument, value, inputs):
    """A sequence with an entry for each input; an array is none, though it could be taken apart."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(
            f"{name}: {argument} is a {check.kind(value)}, expected a tuple or list with an entry for each of {', '.join(inputs)}; "
            f"pass them as ({', '.join(inputs)}{',' * (len(inputs) == 1)})."
        )
    return tuple(value)


def third_order(name):
    """The error of who differentiates a second derivative."""
    return NotImplementedError(
        f"{name}: a third derivative is not available, expected first and second ones only; {words().detach}."
    )
