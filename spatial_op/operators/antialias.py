"""``antialias``: an output pixel that is the mean of samples of its own area, as many of them as its images shrink."""

import itertools

import numpy as np

from .. import check
from ..dtypes import are_labels
from . import stretch
from .memory import as_rows, empty, made_once, side_by_side
from .samples import with_slopes

# Samples along an axis, at most.
MOST = 16

# Samples that are chosen are at most so many source pixels apart: what is hardly shrunk needs none, nor does one that is by
# rounding or by its corners.
APART = 1.125


def each_of(antialias, axes):
    """A number for each of the image's axes."""
    return tuple(antialias) if isinstance(antialias, (tuple, list)) else (antialias,) * axes


def check_samples(op, antialias, axes):
    """False, True, or how many samples a pixel has along all axes or each."""
    if isinstance(antialias, (bool, np.bool_)):
        return
    each = each_of(antialias, axes)
    if len(each) != axes or not all(is_count(number) and 1 <= number <= MOST for number in each):
        sizes = ("(nx,)", "(ny, nx)", "(nz, ny, nx)")[axes - 1]
        kind = TypeError if not all(map(is_count, each)) else ValueError
        raise kind(
            f"{op}: antialias is {check.shown(antialias)}, expected True, False, a number of samples along each axis from 1 to {MOST}, "
            f"or one for each axis, {sizes}; pass antialias=True to have them chosen."
        )


def antialiased(call, plan, antialias):
    """The call, whose plan it is, or that of means, if samples are asked for."""
    return MeanCall(call, plan, antialias) if wanted(antialias) else call


def check_means(op, antialias, dtype):
    """Refuse images of labels, which have no means."""
    if are_labels(dtype) and wanted(antialias):
        raise TypeError(
            f"{op}: antialias is {check.shown(antialias)} and data has dtype {dtype}, whose numbers are labels without means, expected floats, "
            "complex numbers or integers of up to 16 bits; leave antialias out."
        )


def wanted(antialias):
    """Whether samples are asked for; said at once for False, which small calls would feel."""
    return antialias is not False and not (isinstance(antialias, np.bool_) and not antialias)


def is_count(number):
    """Whether it is a whole number."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def chosen(stretches):
    """Numbers of samples along the image's axes, for each row of what the output's pixels are stretched to along x, y and z."""
    with np.errstate(invalid="ignore"):
        counts = np.clip(np.ceil(np.nan_to_num(stretches, posinf=MOST) - (APART - 1)), 1, MOST).astype(int)
    return [tuple(map(int, row[::-1])) for row in counts]


def of_map(antialias, axes, stretches):
    """The same for one image, or None if there is one sample; ``stretches()`` says what pixels are stretched to."""
    if isinstance(antialias, (bool, np.bool_)):
        fine = chosen(stretches()[None])[0] if antialias else (1,) * axes
    else:
        fine = tuple(map(int, each_of(antialias, axes)))
    return None if max(fine) == 1 else fine


class MeanCall:
    """One call of an operator whose output pixels are means of samples; a run of images that have as many is one call of those that it stands for."""

    def __init__(self, call, plan, antialias):
        self.call, self.plan, self.antialias = call, plan, antialias
        self.shape, self.dtype, self.inputs = call.shape, call.dtype, call.inputs

    def counts(self):
        """How many samples a pixel has along each axis, for each image."""
        plan, (_, given) = self.plan, self.inputs.values()
        if not isinstance(self.antialias, (bool, np.bool_)):
            return [tuple(map(int, each_of(self.antialias, len(plan.target))))] * self.shape[0]
        if plan.transform is None:
            found = stretch.of_grid(with_slopes(given, plan.number), plan.fixed)
        else:
            found = stretch.of_transform(plan.transform, as_rows(given), plan.source, plan.target, plan.edge)
        return chosen(found) * (1 if len(found) > 1 else self.shape[0])  # one may be that of all images

    @made_once
    def parts(self):
        """Slices of the batch, and their calls."""
        if self.plan.nothing:
            return [(slice(None), self.call)]
        found, first = [], 0
        for fine, run in itertools.groupby(self.counts()):
            part = slice(first, first + len(list(run)))
            inputs = dict(zip(self.inputs, cut(self.inputs.values(), part)))
            plan = self.plan.part(part.stop - first, fine)
            found.append((part, type(self.call)(self.call.name, inputs, plan)))
            first = part.stop
        return found

    def forward(self, out=None):
        """The result; written to ``out`` if it is given."""
        if out is None:
            out = empty(self.shape, self.dtype, self.plan.beside_too and side_by_side(self.inputs["data"]))
        else:
            check.output(self.call.name, "out", out, self.shape, self.dtype, self.inputs)
        for part, call in self.parts:
            call.forward(out[part])
        return out

    def joined(self, results):
        """The results of all parts."""
        return np.concatenate([*results])

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        return self.joined(call.tangent(cut(tangents, part)) for part, call in self.parts)

    def second_tangent(self, tangents, others):
        """How that changes when the inputs change by ``others``, of which some may be None."""
        return self.joined(call.second_tangent(cut(tangents, part), cut(others, part)) for part, call in self.parts)

    def adding(self, add, part):
        """Which gradients a part adds to: also those of an input that samples share, after the first part."""
        shared = [len(value) < self.shape[0] and part.start for value in self.inputs.values()]
        return [bool(more or later) for more, later in zip(add, shared)]

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        for part, call in self.parts:
            call.backward(out_grad[part], cut(grads, part), self.adding(add, part))

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how these change when the inputs change by ``tangents``, of which some may be None."""
        for part, call in self.parts:
            call.backward_tangent(out_grad[part], cut(tangents, part), cut(grads, part), self.adding(add, part))


def cut(arrays, part):
    """A slice of each array that is there; one that all samples share is whole."""
    return [array if array is None or len(array) == 1 else array[part] for array in arrays]
