"""Checks that several operators share: images, rows of the tables, parameters, grids."""

import math

import numpy as np

from .. import check
from ..dtypes import DTYPES, are_labels
from ..paddings import PADDINGS
from ..samplers import SAMPLERS
from ..transforms import TABLES
from ..words import words
from . import formulas, memory

# By the number of axes of an image; a signal has one.
PICTURES = {2: ("height", "width"), 3: ("depth", "height", "width")}
SIZES = {**PICTURES, 1: ("width",)}
COORDINATES = {1: "x", 2: "x and y", 3: "x, y and z"}
# Shapes of the matrices that "affine" takes as well as rows.
MATRICES = {1: (1, 2), 2: (2, 3), 3: (3, 4)}
# Pixels of a side: with those that a sampler reads beside it, they are counted in 32 bits.
LONGEST = 2**31 - 64
IMAGES = tuple(("batch", "channels", *sizes) for sizes in SIZES.values())

# Numbers of channels that pictures have: grey, with an alpha channel, colour, both.
COLOURS = (1, 2, 3, 4)


def image(op, data, sizes=None, dtypes=DTYPES):
    """The number of axes of the images, 1 to 3. The other arguments have so many ``sizes``: if that is 2, an image is no batch of signals."""
    choices = IMAGES if sizes != 2 else [axes for axes in IMAGES if len(axes) > 3]
    check.array(op, "data", data, *choices, cure=batched, dtypes=dtypes)
    pixels(op, data, SIZES[data.ndim - 2])
    return data.ndim - 2


def pixels(op, data, sizes):
    """An image without a pixel has no border either, so that there is nothing to sample; one too long cannot be counted."""
    for axis, name in enumerate(sizes, start=2):
        if not data.shape[axis]:
            raise ValueError(
                f"{op}: data has shape {data.shape}, whose {name} is 0, expected images of at least one pixel; "
                "leave out the call where there are none (a batch, channels or an output of size 0 are welcome)."
            )
        check.at_most(op, f"the {name} of data", data.shape[axis], LONGEST)


def batched(data):
    """How a single image becomes a batch; colours that stand last are moved, which a photograph's do."""
    if data.ndim == 3 and data.shape[2] in COLOURS and data.shape[0] not in COLOURS:
        return f"move its channels to the front and add a batch axis with {words().moved('data', (2, 0, 1))}[None]"
    return None


def channels_last(data):
    """Whether the last axis looks like channels and the second like a height."""
    return data.ndim > 3 and data.shape[-1] in COLOURS and data.shape[1] not in COLOURS


def sampling(op, sampler_type, padding_mode, align_corners):
    """The rows of sampler and padding."""
    sampler = check.row(op, "sampler_type", sampler_type, SAMPLERS)
    formulas.sampler(op, sampler_type, sampler)
    padding = check.row(op, "padding_mode", padding_mode, PADDINGS)
    check.flag(op, "align_corners", align_corners)
    return sampler, padding


def labels(op, data, sampler_type, sampler):
    """Labels have nothing in between."""
    dtype = data.dtype.newbyteorder("=")
    if are_labels(dtype):
        if not picks(sampler):
            raise TypeError(
                f"{op}: data has dtype {dtype} and sampler_type is {sampler_type!r}, expected one that picks a pixel, such as 'nearest', since "
                f"labels have nothing in between; pass that, or convert numbers with {words().cast_to('data', 'float32')}."
            )


def picks(sampler):
    """Whether a sampler takes the value of one pixel, and mixes none."""
    return len(sampler.taps(0.5)) == 1


def transform(op, axes, transform_type, more=()):
    """The row of a transform, or None for one of ``more``."""
    if isinstance(transform_type, str) and transform_type in more:
        return None
    row = check.row(op, "transform_type", transform_type, TABLES[axes], of(axes), more)
    formulas.transform(op, transform_type, row, axes)
    return row


def named(transform_type, sampler_type, padding_mode, data):
    """The rows that these names have in the tables; None for what is no name of a row."""
    axes = getattr(data, "ndim", 4) - 2
    if type(transform_type) is type(sampler_type) is type(padding_mode) is str and axes in TABLES:
        return TABLES[axes].get(transform_type), SAMPLERS.get(sampler_type), PADDINGS.get(padding_mode)
    return ()


def of(axes):
    """What the images are, where that limits the choice."""
    return {1: " for signals", 3: " for volumes"}.get(axes, "")


def rows(value, transform_type, axes):
    """Matrices of affine transforms as rows of parameters; anything else as it is."""
    if isinstance(value, np.ndarray) and value.shape[1:] == MATRICES[axes] and transform_type == "affine":
        return memory.as_rows(value)
    return value


def parameters(op, argument, value, name, row, batch=None):
    """Parameters of a transform, one sample to a row."""
    check.array(op, argument, value, ("batch", "parameters"), cure=lambda value: flat(argument, value, row))
    found = value.shape[1]
    if row.most is not None and row.control_points(found) > row.most:
        widest = len(row.identity(row.most))
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected at most {widest} parameters, those of {row.most} control points, "
            f"the most that {name!r} takes; pass fewer, or the coordinates themselves to GridSampler."
        )
    count = found if row.fits(found) else len(row.identity(16))
    expected = (value.shape[0] if batch is None else beside(value.shape[0], batch), count)
    owner = "the batch" if batch is None else "data's batch"
    meaning = f"{owner} and the {count} parameters of {name!r} ({row.meaning})"
    check.shape(op, argument, value, expected, meaning, cure=lambda value: cut(argument, value, row))


def beside(batch, images):
    """How many samples go with so many images: as many, or any number with one image; one is shared by all of them."""
    return batch if 1 in (batch, images) else images


def samples(images, others):
    """How many samples a result has; a size that is a symbol does not stand for one image."""
    return others if isinstance(images, int) and images == 1 else images


def flat(argument, value, row):
    """How a single sample, or matrices or points, become rows of parameters."""
    if value.ndim == 1 and row.fits(value.size):
        return f"add the batch axis with {argument}[None]"
    if value.ndim != 3:
        return None
    batch, high, wide = value.shape
    if row.term and wide == 2:
        return "make the parameters of such points, and of where they come from, with tps_loc(source, target)"
    if row.fits(high * wide):
        if row.basis and wide == 2:  # points, of which all x come before all y
            return f"put x before y with {words().moved(argument, (0, 2, 1))}.reshape({batch}, {high * wide})"
        return f"write each sample as one row with {argument}.reshape({batch}, {high * wide})"
    if row.most is not None:  # splines are no matrices
        return None
    if high == wide and row.fits(high * wide - 1):
        scaled = f"({argument} / {argument}[:, {high - 1}:, {high - 1}:]).reshape({batch}, {high * wide})"
        return f"divide each matrix by its last entry, which is left out, with {scaled}[:, :{high * wide - 1}]"
    if high == wide and row.fits((high - 1) * wide):
        return f"leave out each last row with {argument}[:, :{high - 1}].reshape({batch}, {(high - 1) * wide})"
    return None


def cut(argument, value, row):
    """How one matrix, or rows that hold more than the parameters, become rows of parameters."""
    high, wide = value.shape
    if row.most is not None:  # splines are no matrices
        return None
    if high == wide > 1 and row.fits(high * wide - 1):
        return f"divide the matrix by its last entry and write it as one row with ({argument} / {argument}[-1, -1]).reshape(1, {high * wide})[:, :-1]"
    if high == wide > 1 and row.fits((high - 1) * wide):
        return f"leave out the matrix's last row with {argument}[:-1].reshape(1, {(high - 1) * wide})"
    if high > 1 and wide > 2 and row.fits(high * wide):
        return f"write the matrix as one row with {argument}.reshape(1, {high * wide})"
    side = math.isqrt(wide)
    if side * side == wide > 4 and row.fits(wide - 1):
        return (
            f"divide by the last entry and leave it out with ({argument} / {argument}[:, {wide - 1}:])[:, :{wide - 1}]"
        )
    if side * side == wide > 4 and row.fits(wide - side):
        return f"leave out each matrix's last row with {argument}[:, :{wide - side}]"
    return None


def grid(op, value, data):
    """Coordinates, one plane for each axis of the data's images."""
    axes = data.ndim - 2
    check.array(op, "grid", value, ("batch", "coordinates", *SIZES[axes]), cure=single)
    expected = (beside(value.shape[0], data.shape[0]), axes, *value.shape[2:])
    meaning = f"data's batch and one plane each for {COORDINATES[axes]}"
    check.shape(op, "grid", value, expected, meaning, cure=lambda value: planes(value, data))
    check.precise(op, "grid", value, data)


def single(grid):
    """How a grid of signals gets the axis of its only coordinate."""
    return "add the axis of its coordinate with grid[:, None]" if grid.ndim == 2 else None


def planes(grid, data):
    """How a grid whose coordinates stand last becomes one of planes; images that are laid out so come along."""
    if grid.shape[-1] != grid.ndim - 2:
        return None
    order = check.channels_second(grid.ndim)
    cure = f"move its coordinates to the second place with {words().moved('grid', order)}"
    if channels_last(data):
        cure += f", and the channels of data with {words().moved('data', order)}"
    return cure
