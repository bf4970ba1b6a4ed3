"""Images of numbers that are sampled in two parts, as twice as many channels: complex ones, and labels of 64 bits.

A gradient of a complex array is that by its real part plus i times that by its imaginary part, as PyTorch has it.
"""

import numpy as np

from .. import check
from ..dtypes import PARTS
from .memory import empty, made_once, side_by_side
from .warp import WarpCall


def pairs(value):
    """A view (N, C, 2, ...) of the parts of numbers (N, C, ...)."""
    return np.moveaxis(value[..., None].view(PARTS[value.dtype]), -1, 2)


def apart(value):
    """The parts as channels, (N, 2 C, ...); not copied where they lie so already."""
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    return pairs(value).reshape(value.shape[0], 2 * value.shape[1], *value.shape[2:])


def put(parts, array, add=False):
    """The array of these parts' numbers, which are written to it, or added."""
    if not array.dtype.isnative:
        found = put(parts, np.empty(array.shape, array.dtype.newbyteorder("=")))
        array[...] = array + found if add else found
        return array
    target = pairs(array)
    parts = parts.reshape(target.shape)
    target[...] = target + parts if add else parts
    return array


class InParts:
    """A ``WarpCall``, of the parts of ``data``."""

    def __init__(self, name, inputs, plan):
        self.name, self.inputs, self.plan = name, inputs, plan
        data = inputs["data"]
        self.dtype = data.dtype.newbyteorder("=")
        self.shape = (plan.shape[0], data.shape[1], *plan.target)

    @made_once
    def call(self):
        """The call that computes."""
        return WarpCall(self.name, {**self.inputs, "data": apart(self.inputs["data"])}, self.plan)

    def new(self):
        """Room for a result."""
        data = self.inputs["data"]
        return empty(self.shape, self.dtype, self.plan.beside_too and side_by_side(data))

    def parted(self, arrays):
        """Arrays for the inputs, the first of which is as ``data`` is or None."""
        first, second = arrays
        return None if first is None else apart(first), second

    def of_result(self, out_grad):
        """What is pulled back, in parts; labels have none, so that either half may stand for them."""
        return apart(out_grad) if self.dtype.kind == "c" else np.repeat(out_grad, 2, axis=1)

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        if out is None:
            out = self.new()
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        return put(self.call.forward(), out)

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        return self.changed(self.call.tangent(self.parted(tangents)))

    def second_tangent(self, tangents, others):
        """How that changes when the inputs change by ``others``."""
        return self.changed(self.call.second_tangent(self.parted(tangents), self.parted(others)))

    def changed(self, parts):
        """A tangent of the result; that of labels is the same for either half."""
        return put(parts, self.new()) if self.dtype.kind == "c" else parts[:, ::2]

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        self.pull(lambda *to: self.call.backward(self.of_result(out_grad), *to), grads, add)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how the gradients change when the inputs change by ``tangents``, of which some may be None."""
        tangents = self.parted(tangents)
        self.pull(lambda *to: self.call.backward_tangent(self.of_result(out_grad), tangents, *to), grads, add)

    def pull(self, run, grads, add):
        """Have gradients written, of ``data`` in parts."""
        grad, other = grads
        parts = None if grad is None else np.empty(self.call.inputs["data"].shape, self.plan.dtype)
        run((parts, other), (False, add[1]))
        if grad is not None:
            put(parts, grad, add[0])


def call_of(name, inputs, plan):
    """The call of an operator that samples ``data``."""
    data, _ = inputs.values()
    in_parts = data.dtype.kind in "iuc" and data.dtype.newbyteorder("=") in PARTS
    return (InParts if in_parts else WarpCall)(name, inputs, plan)
