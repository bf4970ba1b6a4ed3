"""What the log calls kernels, in the words of those who called an operator."""

from ..samplers import SAMPLERS
from ..transforms import TABLES

NUMBERS = {
    "f4": "float32", "f8": "float64", "u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "u4": "uint32", "i4": "int32",
}  # fmt: skip

# What is no image, by its number of axes.
KINDS = {1: ["signals"], 3: ["volumes"]}

# Channels that lie side by side -> the numbers of channels of an image that a kernel is for: of an image, and of its part.
CHANNELS = {
    1: ("1 channel", ""),
    4: ("2 to 4 channels", ""),
    8: ("5 to 8 channels", ""),
    16: ("9 to 16 channels", "17 channels or more"),
}


def channels(group, few=None, beside=False):
    """Which images a kernel is for that takes so many channels at once: all of an image's if ``few``, which may not matter."""
    words = "9 channels or more" if few is None and group == 16 else CHANNELS[group][few is False]
    return f"{words}, side by side" if beside else words


def forward(stored, written):
    """What a kernel is for that samples images which are stored and results which are written so."""
    return "forward" if stored == written else "forward, not rounded"


def of(axes, formula, dtype, sampler, number, what, stored=None):
    """Operator, transform, sampler, dtype and what for; rows that are the same to kernels share the first one's name.

    The dtype is the one that is computed with, and that of images if these are ``stored`` otherwise.
    """
    words = ["GridSampler"]
    if not formula.of_array:
        words = ["SpatialTransformer" if sampler else "GridGenerator", transform(axes, formula)]
    if sampler:
        words.append(next((name for name, row in SAMPLERS.items() if row == sampler), "own sampler"))
    words.append(NUMBERS[number])
    words += [f"of {NUMBERS[stored]}"] if stored else []
    words += KINDS.get(axes, ())
    if formula.of_array:
        words += [f"at {NUMBERS[dtype]} grids"] * (dtype != number)
        words += ["coordinates last"] * formula.side_by_side + ["points inside"] * formula.inside
    words += ["means of samples"] * formula.fine
    return f"{' '.join(words)}, {what}"


def transform(axes, formula):
    """The first transform of this formula, or the file that the formula comes from."""
    for name, row in TABLES[axes].items():
        if (row.fold, row.locate, row.basis, row.term) == (formula.fold, formula.locate, formula.basis, formula.term):
            return name
    return formula.locate.__module__.rpartition(".")[2]
