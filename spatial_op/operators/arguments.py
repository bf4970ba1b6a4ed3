"""Checks that several operators share: images, rows of the tables, parameters, grids."""

import math

from .. import check
from ..paddings import PADDINGS
from ..samplers import SAMPLERS, VOLUME_SAMPLERS
from ..transforms import TABLES

# By the number of axes of an image.
SIZES = {2: ("height", "width"), 3: ("depth", "height", "width")}
# Pixels of a side: with those that a sampler reads beside it, they are counted in 32 bits.
LONGEST = 2**31 - 64
SAMPLER_TABLES = {2: SAMPLERS, 3: VOLUME_SAMPLERS}


def image(op, data):
    """The number of axes of the images, 2 or 3."""
    check.array(op, "data", data, *(("batch", "channels", *sizes) for sizes in SIZES.values()))
    pixels(op, data)
    return data.ndim - 2


def pixels(op, data):
    """An image without a pixel has no border either, so that there is nothing to sample; one too long cannot be counted."""
    for axis, name in enumerate(SIZES[data.ndim - 2], start=2):
        if not data.shape[axis]:
            raise ValueError(
                f"{op}: data has shape {data.shape}, whose {name} is 0, expected images of at least one pixel; "
                "leave out the call where there are none (a batch, channels or an output of size 0 are welcome)."
            )
        check.at_most(op, f"the {name} of data", data.shape[axis], LONGEST)


def sampling(op, axes, sampler_type, padding_mode, align_corners):
    """The rows of sampler and padding."""
    sampler = check.row(op, "sampler_type", sampler_type, SAMPLER_TABLES[axes], of(axes))
    padding = check.row(op, "padding_mode", padding_mode, PADDINGS)
    check.flag(op, "align_corners", align_corners)
    return sampler, padding


def transform(op, axes, transform_type, more=()):
    """The row of a transform, or None for one of ``more``."""
    if isinstance(transform_type, str) and transform_type in more:
        return None
    return check.row(op, "transform_type", transform_type, TABLES[axes], of(axes), more)


def of(axes):
    """What the images are, where that limits the choice."""
    return " for volumes" if axes == 3 else ""


def parameters(op, argument, value, name, row, batch=None):
    """Parameters of a transform, one sample to a row."""
    check.array(op, argument, value, ("batch", "parameters"))
    found = value.shape[1]
    if row.most is not None and found > 2 * row.most:
        side = math.isqrt(row.most)
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected at most {2 * row.most} parameters, those of {row.most} control points "
            f"({side} x {side}), the most that {name!r} takes; pass fewer, or the coordinates themselves to GridSampler."
        )
    fits = len(row.identity(found // 2)) == found
    count = found if fits else len(row.identity(16))
    expected = (value.shape[0] if batch is None else batch, count)
    owner = "the batch" if batch is None else "data's batch"
    check.shape(op, argument, value, expected, f"{owner} and the {count} parameters of {name!r} ({row.meaning})")


def grid(op, value, data):
    """Coordinates, one plane for each axis of the data's images."""
    sizes = SIZES[data.ndim - 2]
    check.array(op, "grid", value, ("batch", "coordinates", *sizes))
    axes = len(sizes)
    names = "x and y" if axes == 2 else "x, y and z"
    expected = (data.shape[0], axes, *value.shape[2:])
    check.shape(op, "grid", value, expected, f"data's batch and one plane each for {names}")
    check.precise(op, "grid", value, data)
