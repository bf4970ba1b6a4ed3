"""A deformable convolution, from checked arrays to kernel calls, forward and backward."""

import math

import numpy as np

from .. import check
from ..dtypes import DTYPES
from .memory import hand_over, working


class ConvolutionCall:
    """One call of an operator; its arrays have been checked.

    ``sizes`` are five pairs of rows and columns: kernel, stride, pad, dilate and output. ``clamped`` is MXNet's border rule
    of the first version.
    """

    def __init__(self, name, inputs, sizes, groups, deformables, clamped):
        self.name, self.inputs, self.groups, self.deformables, self.clamped = name, inputs, groups, deformables, clamped
        data, weight = inputs["data"], inputs["weight"]
        self.dtype = data.dtype.newbyteorder("=")
        self.compute = DTYPES[self.dtype]
        *self.sizes, self.target = sizes
        self.shape = (data.shape[0], weight.shape[0], *self.target)
        self.taps = math.prod(self.sizes[0])
        self.plain = {key: check.plain(value, self.compute) for key, value in inputs.items()}

    def geometry(self):
        """What the kernels need to know of the sizes."""
        from ..kernels.planning import edge
        from ..kernels.points import Geometry

        source = self.inputs["data"].shape[2:]
        kernel, stride, pad, dilate = self.sizes
        edges = tuple(edge(size, self.clamped, self.compute) for size in source)
        return Geometry(kernel, stride, pad, dilate, source, self.target), edges

    def nothing(self):
        """Whether there is no pixel to look at, or no image."""
        return not self.inputs["data"].size or not self.shape[0]

    def products(self):
        """Multiply-adds of the forward product."""
        channels = self.inputs["weight"].shape[1]
        return math.prod(self.shape) * channels * self.taps

    def forward(self, out=None):
        """Convolve; write to ``out`` if it is given."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        direct = working(out, self.compute)
        self.convolve(self.plain, direct)
        hand_over(direct, out)
        return out

    def convolve(self, arrays, out, change=None):
        """Write the result for these arrays; or, with the ``change`` of the offsets, how the result changes along it."""
        bias = arrays.get("bias")
        if bias is None:
            bias = np.zeros(self.shape[1], self.compute)
        if self.nothing():
            out[...] = bias[:, None, None]
            return
        from ..kernels import jit, planning

        data, weight = arrays["data"], arrays["weight"]
        images, channels, area = data.shape[0], data.shape[1], math.prod(self.target)
        size = self.compute.itemsize
        vectors, table = planning.cut(channels, self.groups, self.deformables, size)
        step = planning.images_at_once(images, math.prod(data.shape[2:]), area, self.taps, vectors, table)
        filters = self.shape[1] // self.groups
        threads = planning.share(images * self.target[0], self.products(), jit.threads_for)
        kernel = planning.forward(planning.block_shape(size))
        mask = arrays.get("mask")
        modulated = mask is not None
        empty = np.empty((0,) * 4, self.compute)
        for first in range(0, images, step):
            some = slice(first, first + step)
            plan = planning.forward_plan(
                min(step, images - first), area, self.taps, filters, vectors, table, size, threads
            )
            kernel(
                threads, plan, *self.geometry(), table, self.groups, self.deformables, data[some], arrays["offset"][some],
                mask[some] if modulated else empty, modulated, change is not None,
                empty if change is None else change[some], self.by_tap(weight), bias, out[some],
            )  # fmt: skip

    def by_tap(self, weight):
        """Filters whose rows and columns are one axis."""
        return weight.reshape(*weight.shape[:2], self.taps)

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None: term by term."""
        total = np.zeros(self.shape, self.compute)
        changes = dict(zip(self.inputs, tangents))
        for name, change in changes.items():
            if change is None:
                continue
            change = check.plain(change, self.compute)
            if name == "bias":
                total += change[:, None, None]
                continue
            term = np.empty(self.shape, self.compute)
            arrays = {key: value for key, value in self.plain.items() if key != "bias"}
            if name == "offset":
                self.convolve(arrays, term, change)
            else:
                self.convolve({**arrays, name: change}, term)
            total += term
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return total.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        upper = check.plain(out_grad, self.compute)
        grads, add = dict(zip(self.inputs, grads)), dict(zip(self.inputs, add))
        results = {
            name: working(grad, self.compute, add[name])
            for name, grad in grads.items()
            if grad is not None and name != "bias"
        }
        if self.nothing():
            for name, result in results.items():
                if not add[name]:
                    result[...] = 0
        elif results:
            self.pull(upper, results, add)
        for name, result in results.items():
            hand_over(result, grads[name])
        if grads.get("bias") is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # infinities and what is no number are results too
                total = upper.sum(axis=(2, 3)).sum(axis=0, dtype=np.float64)
                grads["bias"][...] = total + (grads["bias"] if add["bias"] else 0)

    def pull(self, upper, results, add):
        """Write or add the gradients that are wanted."""
        from ..kernels import jit, planning

        data, offset, weight, mask = (self.plain.get(name) for name in ("data", "offset", "weight", "mask"))
        images, channels, area, size = data.shape[0], data.shape[1], math.prod(self.target), self.compute.itemsize
        vectors, table = planning.cut(channels, self.groups, self.deformables, size)
        step = planning.images_at_once(
            images, math.prod(data.shape[2:]), area, self.taps, vectors, table, backward=True
        )
        kernel = planning.backward(planning.block_shape(size), vectors)
        empty = np.empty((0,) * 4, self.compute)
        modulated = mask is not None
        names = ("data", "offset", "mask", "weight")
        want = tuple(name in results for name in names)
        for first in range(0, images, step):
            some = slice(first, first + step)
            tiles, chunks = planning.backward_plan(min(step, images - first), area, table, size)
            adds = tuple(bool(add.get(name)) or (name == "weight" and first > 0) for name in names)
            parts = [results[name][some] if name in results else empty for name in names[:3]]
            grad_weight = results.get("weight")
            kernel(
                planning.share(chunks * len(table), 2 * self.products(), jit.threads_for),
                tiles, chunks, *self.geometry(), table, self.groups, self.deformables, data[some], offset[some],
                mask[some] if modulated else empty, modulated, self.by_tap(weight), upper[some], want, adds,
                *parts, empty[0] if grad_weight is None else self.by_tap(grad_weight),
            )  # fmt: skip
