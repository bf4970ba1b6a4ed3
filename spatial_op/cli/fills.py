"""The option `--fill`: a colour by its name, or a picture's own numbers, for what lies outside the picture."""

import difflib
import math
import re
from typing import NamedTuple

import click
import numpy as np

from .pictures import Refused

# Names that Pillow does not have.
OWN = {"transparent": (0, 0, 0, 0)}

# Dtype -> what a colour's 0 to 255 are multiplied by.
STEPS = {"uint8": 1, "uint16": 257}


class Colour(NamedTuple):
    """Red, green, blue and opacity, from 0 to 255, and the words that said it."""

    levels: tuple
    word: str


def number(word):
    """A whole number as it is, however large, or a float."""
    return int(word) if re.fullmatch(r"[+-]?[0-9]+", word) else float(word)


class Fills(click.ParamType):
    """Numbers, or the name of a colour as CSS knows it."""

    name = "fill"

    def convert(self, value, param, ctx):
        """A ``Colour``, or a tuple of numbers."""
        if not isinstance(value, str):
            return value
        from PIL import ImageColor

        try:
            found = tuple(map(number, value.replace(",", " ").split()))
        except ValueError:
            found = ()
        if found and all(map(math.isfinite, found)):
            return found
        try:
            levels = OWN.get(value.lower()) or ImageColor.getrgb(value)
        except ValueError:
            known = [*ImageColor.colormap, *OWN]
            near = difflib.get_close_matches(value.lower(), known, 1)
            hint = (
                f"did you mean {near[0]}?" if near else "expected a name like white, #ffeedd, transparent, or numbers."
            )
            self.fail(f"{value!r} is no colour; {hint}", param, ctx)
        return Colour((*levels, 255)[:4], value)

    def shell_complete(self, ctx, param, incomplete):
        """Names that begin so."""
        from click.shell_completion import CompletionItem
        from PIL import ImageColor

        return [CompletionItem(name) for name in (*OWN, *ImageColor.colormap) if name.startswith(incomplete.lower())]


def fitted(fill, picture):
    """The picture, which gets an opacity if the fill needs one, and a number for each channel, or one for all."""
    if fill is None:
        return picture, None
    if not isinstance(fill, Colour):
        return picture, of_numbers(fill, picture)
    if fill.levels[3] < 255 and picture.opacity is None:
        picture = with_opacity(picture, fill)
    return picture, of_colour(fill, picture)


def number_of(fill):
    """The one number of an array, which does not say what its channels are; None if there is no fill."""
    if fill is None:
        return None
    if isinstance(fill, Colour) or len(fill) > 1:
        raise click.UsageError("--fill is more than a number and IN is an array, expected one, like --fill 0.")
    return fill[0]


def require_held(fill, dtype):
    """Refuse numbers that pixels of a dtype cannot be."""
    least, most = limits(dtype)
    if not all(least <= number <= most and (dtype.kind in "fc" or number % 1 == 0) for number in fill):
        held = "numbers" if dtype.kind in "fc" else "whole numbers"
        shown = ",".join(f"{number:g}" for number in fill)
        raise Refused(f"--fill is {shown}, and its pixels hold {held} from {least:g} to {most:g}")


def of_numbers(fill, picture):
    """A number for each channel; what has an opacity is opaque unless this is given too."""
    dtype = picture.pages[0].dtype
    channels = picture.pages[0].shape[-3] if picture.opacity or picture.colours in ("rgb", "cmyk") else 1
    colours = channels - bool(picture.opacity)
    if len(fill) not in (1, colours, channels):
        counts = " or ".join(str(count) for count in sorted({1, colours, channels}))
        raise Refused(f"--fill has {len(fill)} numbers, expected {counts} for {picture.colours} pixels")
    require_held(fill, dtype)
    if picture.opacity and len(fill) < channels:
        fill = (*(fill * colours)[:colours], opaque(dtype))
    return fill


def of_colour(fill, picture):
    """The numbers that show a colour."""
    dtype, (red, green, blue, opacity) = picture.pages[0].dtype, fill.levels
    if dtype.kind == "b" and {red, green, blue} in ({0}, {255}):
        return (red // 255,)
    if str(dtype) not in STEPS:
        raise Refused(f"--fill is {fill.word}, and its pixels are of type {dtype}; pass numbers, like --fill 0")
    levels = {"grey": (red,), "rgb": (red, green, blue)}.get(picture.colours)
    count = 0 if levels is None else len(levels) + bool(picture.opacity)
    if levels is None or picture.colours == "rgb" and picture.pages[0].shape[-3] != count:
        raise Refused(f"--fill is {fill.word}, and its pixels are {picture.colours}; pass a number for each channel")
    if picture.colours == "grey" and not red == green == blue:
        raise Refused(f"--fill is {fill.word}, and its pixels are grey; choose white, black or a grey")
    if picture.opacity == "premultiplied":
        levels = tuple(level * opacity / 255 for level in levels)
    return tuple(level * STEPS[str(dtype)] for level in (*levels, *([opacity] if picture.opacity else [])))


def with_opacity(picture, fill):
    """The picture with a last channel in which all of it is opaque."""
    if picture.colours not in ("grey", "rgb") or str(picture.pages[0].dtype) not in STEPS:
        words = f"{picture.colours} of type {picture.pages[0].dtype}"
        raise Refused(
            f"--fill is {fill.word}, and its pixels are {words}, without opacity; pass numbers, like --fill 0"
        )
    pages = [page if picture.colours == "rgb" else page[..., None, :, :] for page in picture.pages]
    pages = [np.concatenate([page, np.full_like(page[..., :1, :, :], opaque(page.dtype))], axis=-3) for page in pages]
    return picture._replace(pages=pages, opacity="straight", source={**picture.source, "opacity_added": True})


def limits(dtype):
    """The least and the largest number that a dtype holds."""
    if dtype.kind == "b":
        return 0, 1
    known = np.finfo(dtype) if dtype.kind in "fc" else np.iinfo(dtype)
    return known.min, known.max


def opaque(dtype):
    """The number of what nothing shines through."""
    return 1 if dtype.kind in "fcb" else np.iinfo(dtype).max
