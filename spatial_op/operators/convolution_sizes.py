"""Sizes of a deformable convolution's output, and whether offsets and masks have them."""

import math
from typing import NamedTuple

from .. import check
from ..words import words


class Names(NamedTuple):
    """What a caller calls the images, what has the taps, and two of the steps."""

    data: str
    kernel: str
    dilate: str
    pad: str


MXNET_NAMES = Names("data", "kernel", "dilate", "pad")
PYTORCH_NAMES = Names("input", "weight", "dilation", "padding")

COORDINATES = {1: "x", 2: "y and x", 3: "z, y and x"}


def target_of(op, source, kernel, stride, dilate, pad, names=MXNET_NAMES):
    """Sizes of the output."""
    target, directions = [], ("deep", "high", "wide")[-len(source) :]
    for direction, size, taps, step, gap, more in zip(directions, source, kernel, stride, dilate, pad):
        extent, room = gap * (taps - 1) + 1, size + 2 * more
        if extent > room:
            raise ValueError(
                f"{op}: {names.kernel} is {extent} pixels {direction} with its dilation and {names.data} {room} with its padding, "
                f"expected it to fit; pass a smaller {names.kernel}, less {names.dilate} or more {names.pad}."
            )
        target.append((room - extent) // step + 1)
    return tuple(target)


def check_positions(op, arrays, steps, deformables, names=MXNET_NAMES):
    """Refuse offsets and masks that are not there for each place of the output; returns its sizes."""
    data, (kernel, stride, dilate, pad) = arrays[names.data], steps
    source, taps = data.shape[2:], deformables * math.prod(kernel)
    target = target_of(op, source, *steps, names)

    def padded(value):
        """The padding that was forgotten, if the sizes are those of another one."""
        found = padding_for(source, value.shape[2:], kernel, stride, dilate)
        if value.shape[:2] == expected[:2] and found not in (None, pad):
            return f"pass {names.pad}={found}, or {words().array} of shape {expected}"

    rows = ("offset", len(source) * taps, f"{COORDINATES[len(source)]} of"), ("mask", taps, "one factor for")
    for argument, each, what in rows:
        if argument in arrays:
            expected = (data.shape[0], each, *target)
            meaning = f"{names.data}'s batch, {what} each tap in each deformable group, and the size of the output with {names.pad}={pad}"
            check.shape(op, argument, arrays[argument], expected, meaning, cure=padded)
    return target


def padding_for(source, target, kernel, stride, dilate):
    """The least padding with which an output has these sizes; None if none does it."""
    found = []
    for size, wanted, taps, step, gap in zip(source, target, kernel, stride, dilate):
        extent = gap * (taps - 1) + 1
        more = max(-(-((wanted - 1) * step + extent - size) // 2), 0)
        if (size + 2 * more - extent) // step + 1 != wanted:
            return None
        found.append(more)
    return tuple(found)
