"""The coverage of samples: the share of each one's weight that lies inside the image, which is a sample of ones among zeros."""

import numpy as np

from .. import check
from .dispatch import applied
from .engine import kernels
from .in_parts import call_of
from .memory import clear, hand_over, working
from .warp import WarpCall

ALONE = "only"


def chosen(op, coverage, choices):
    """One of the choices."""
    if not any(coverage is choice or (type(coverage) is str and coverage == choice) for choice in choices):
        raise TypeError(
            f"{op}: coverage is {check.shown(coverage)}, expected {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}; pass one of them."
        )


def results(op, inputs, out, name, coverage, params):
    """What an operator returns: its result, the coverage alone, or both."""
    if coverage is False:
        return applied(op, inputs, out, name, params)
    if coverage is not True:
        return applied(op, inputs, out, name, {**params, "coverage": coverage})
    return applied(op, inputs, out, name, params), applied(op, inputs, None, None, {**params, "coverage": ALONE})


def called(name, inputs, plan, coverage):
    """The call for the result, or for the coverage alone."""
    if coverage is False:  # without more questions, which small calls would feel
        return call_of(name, inputs, plan)
    if coverage is True:
        raise ValueError(
            f"{name}: coverage is True and there is one result to differentiate, expected False or {ALONE!r}; differentiate either by itself."
        )
    chosen(name, coverage, (False, True, ALONE))
    return CoverageCall(name, inputs, plan)


class CoverageCall:
    """The coverage alone, in one channel; it does not change with the images."""

    def __init__(self, name, inputs, plan):
        data, given = inputs
        self.inputs = inputs
        one = np.broadcast_to(np.ones((), plan.of_ones.dtype), (len(inputs[data]), 1, *inputs[data].shape[2:]))
        self.call = WarpCall(name, {data: one, given: inputs[given]}, plan.of_ones)
        self.name, self.shape, self.dtype = name, self.call.shape, self.call.dtype

    def forward(self, out=None):
        """The coverage."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        plan = self.call.plan
        if not plan.nothing:
            direct = working(out, plan.compute)
            kernel = kernels("build").cover(*plan.key)
            plan.run((None, kernel), plan.threads(), {**self.call.coordinates, "out": direct})
            hand_over(direct, out)
        return out

    def tangent(self, tangents):
        """How it changes with the coordinates."""
        return self.call.tangent((None, tangents[1]))

    def second_tangent(self, tangents, others):
        """How that changes with them."""
        return self.call.second_tangent((None, tangents[1]), (None, others[1]))

    def backward(self, out_grad, grads, add):
        """The gradient of the coordinates; that of the images is zero."""
        clear(grads[:1], add)
        self.call.backward(out_grad, (None, grads[1]), add)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """How that changes with the coordinates."""
        clear(grads[:1], add)
        self.call.backward_tangent(out_grad, (None, tangents[1]), (None, grads[1]), add)
