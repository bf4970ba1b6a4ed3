"""A deformable convolution, from checked arrays to kernel calls, forward and backward."""

import itertools
import math

import numpy as np

from .. import check
from ..dtypes import DTYPES
from .engine import kernels
from .memory import clear, hand_over, plain, working

NOTHING = np.empty(0)


class ConvolutionCall:
    """One call of an operator; its arrays have been checked.

    ``sizes`` are five of (slices,) rows and columns: kernel, stride, pad, dilate and output. ``clamped`` is MXNet's border rule
    of the first version.
    """

    def __init__(self, name, inputs, sizes, groups, deformables, clamped):
        self.name, self.inputs, self.groups, self.deformables, self.clamped = name, inputs, groups, deformables, clamped
        data, weight = inputs["data"], inputs["weight"]
        self.dtype = data.dtype.newbyteorder("=")
        self.compute = DTYPES[self.dtype]
        *self.sizes, self.target = sizes
        self.shape = check.result(name, "the result", (data.shape[0], weight.shape[0], *self.target))
        self.taps = math.prod(self.sizes[0])

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
        self.convolve(self.inputs, direct)
        hand_over(direct, out)
        return out

    def convolve(self, arrays, out, **changes):
        """Write the result for these arrays; or, with a ``change`` of the offsets, and an ``other`` one, how the result changes along them."""
        bias = arrays.get("bias")
        bias = np.zeros(self.shape[1], self.compute) if bias is None else plain(bias, self.compute)
        if self.nothing():
            out[...] = self.everywhere(bias)
            return
        planning, threads_for = kernels("planning"), kernels("threads").threads_for
        problem, samples = self.problem(planning), self.shape[0]
        threads = planning.share(samples * self.target[0], self.products(), threads_for)
        for some in planning.batches(problem, samples, False):
            plan = planning.forward(problem, some.stop - some.start, threads, len(changes))
            values = {**plan.values, **plan.memory(self.compute), **self.given({**arrays, **changes}, some)}
            values["bias"], values["out"] = self.padded(bias, values["span"]), out[some]
            for kernel in plan.kernels:
                kernel(threads, values)

    def everywhere(self, bias):
        """A number for each filter, beside the positions of the output."""
        return bias.reshape(-1, *[1] * len(self.target))

    def padded(self, bias, span):
        """The bias of each group's filters, filled up to ``span``."""
        filters = bias.size // self.groups
        if filters == span:
            return bias
        padded = np.zeros((self.groups, span), self.compute)
        padded[:, :filters] = bias.reshape(self.groups, filters)
        return padded

    def problem(self, planning):
        """What the kernels need to know."""
        channels, *source = self.inputs["data"].shape[1:]
        return planning.Problem(
            *self.sizes, tuple(source), self.target, self.clamped, self.groups, self.deformables, channels,
            self.shape[1], self.compute, "mask" in self.inputs,
        )  # fmt: skip

    def given(self, arrays, some):
        """The inputs for some images."""
        batched = {name: self.some(array, some) for name, array in arrays.items() if name not in ("weight", "bias")}
        return {**batched, "weight": plain(arrays["weight"], self.compute)}

    def some(self, array, images):
        """Some images of an array with a batch axis, as kernels want them."""
        return plain(array[images], self.compute)

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None: term by term."""
        changes = self.named(tangents)
        total = self.summed([{name: change} for name, change in changes.items() if name != "bias"])
        if "bias" in changes:
            total += self.everywhere(changes["bias"])
        return self.converted(total)

    def second_tangent(self, tangents, others):
        """How that changes when the inputs change by ``others``: term by term, a change of one input and one of another or of the offsets."""
        terms = []
        for (one, change), (two, other) in itertools.product(self.named(tangents).items(), self.named(others).items()):
            if one == two == "offset":
                terms.append({"offset": change, "other": other})
            elif one != two and "bias" not in (one, two):
                terms.append({one: change, two: other})
        return self.converted(self.summed(terms))

    def summed(self, terms):
        """The sum of results without a bias; of each, some inputs are replaced by changes, in all of which it is linear."""
        total = np.zeros(self.shape, self.compute)
        for changes in terms:
            arrays = {**self.inputs, **changes, "offset": self.inputs["offset"], "bias": None}
            moved = {"change": changes["offset"]} if "offset" in changes else {}
            if "other" in changes:
                moved["other"] = arrays.pop("other")
            term = np.empty(self.shape, self.compute)
            self.convolve(arrays, term, **moved)
            total += term
        return total

    def converted(self, total):
        """In the dtype of the result."""
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return total.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        grads, add = self.named(grads), dict(zip(self.inputs, add))
        self.write(self.inputs, out_grad, grads, add)
        if "bias" in grads:
            with np.errstate(over="ignore", invalid="ignore"):  # infinities and what is no number are results too
                axes = tuple(range(1, len(self.shape) - 1))
                sums = [plain(image, self.compute).sum(axis=axes) for image in out_grad]
                total = np.sum(sums, axis=0, dtype=np.float64)
                grads["bias"][...] = total + grads["bias"] if add["bias"] else total

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how the gradients that ``backward`` writes change when the inputs change by ``tangents``: term by term."""
        grads, add = self.named(grads), dict(zip(self.inputs, add))
        for name, change in self.named(tangents).items():
            if name == "offset":
                moved = {key: grad for key, grad in grads.items() if key != "bias"}
                self.write(self.inputs, out_grad, moved, add, change=change)
            elif name != "bias":  # the gradients of the others are linear in it, and its own does not depend on it
                moved = {key: grad for key, grad in grads.items() if key not in (name, "bias")}
                self.write({**self.inputs, name: change}, out_grad, moved, add)
            else:
                moved = {}
            add |= dict.fromkeys(moved, True)
        clear(grads.values(), [add[name] for name in grads])

    def named(self, values):
        """The entries for the inputs that are not None."""
        return {name: value for name, value in zip(self.inputs, values) if value is not None}

    def write(self, arrays, out_grad, grads, add, **changes):
        """Write, or add, gradients for these arrays but that of the bias, or how they change along a ``change`` of the offsets."""
        results = {name: working(grad, self.compute, add[name]) for name, grad in grads.items() if name != "bias"}
        if self.nothing():
            clear(results.values(), [add[name] for name in results])
        elif results:
            self.pull(arrays, out_grad, results, add, changes)
        for name, result in results.items():
            hand_over(result, grads[name])

    def pull(self, arrays, upper, results, add, changes):
        """Write or add the gradients that are wanted."""
        planning, threads_for = kernels("planning"), kernels("threads").threads_for
        problem, samples = self.problem(planning), self.shape[0]
        for some in planning.batches(problem, samples, True):
            count = some.stop - some.start
            units = planning.chunks_of(problem, count) * problem.blocks
            threads = planning.share(units, 2 * self.products(), threads_for)
            plan = planning.backward(problem, count, threads, frozenset(results), len(changes))
            pack, pull, gather = plan.kernels
            planes, axes = problem.form(True).planes, len(self.target)
            parts = np.empty((problem.blocks, count, self.taps, planes, *self.target), self.compute)
            lower = results["data"][some] if "data" in results else NOTHING
            values = {
                **plan.values, **plan.memory(self.compute), **self.given({**arrays, **changes}, some), "lower": lower,
                "upper": self.some(upper, some), "add_data": add["data"], "offset_parts": parts,
            }  # fmt: skip
            if values["want_samples"]:
                pack(threads, values)
            pull(threads, values)
            if values["want_weight"]:
                gather(threads, {**values, "lower": results["weight"], "add": add["weight"] or some.start > 0})
            for name, which in (("offset", slice(axes)), ("mask", slice(axes, None))):
                if name in results:
                    self.add_up(parts[:, :, :, which], problem.cut[1][:, 3], results[name][some], add[name])

    def add_up(self, parts, deformables, grad, add):
        """The gradient of offsets or masks: the sum over the blocks of each deformable group, in their order."""
        grad, begun = grad.reshape(len(grad), self.deformables, *parts.shape[2:]), set()
        for part, deformable in zip(parts, deformables.tolist()):
            total = grad[:, deformable]
            if add or deformable in begun:
                total += part
            else:
                total[...] = part
            begun.add(deformable)
