"""Pictures in files: what they hold, as arrays with all that has to be kept beside them.

Pillow reads and writes most formats (``pillow_reading``, ``pillow_writing``), tifffile TIFF (``tiff_reading``, ``tiff_writing``);
this file says what they hand over.
"""

from typing import NamedTuple

TIFF = (".tif", ".tiff")
PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", *TIFF, ".webp")

# Pillow's and tifffile's formats -> the ending of such a file.
ENDINGS = {"BMP": ".bmp", "GIF": ".gif", "JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}

# Those that hold the numbers of a palette's colours as they are.
PALETTES = (".bmp", ".png", *TIFF)

# The first bytes of a TIFF file, of both byte orders and both sizes.
MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Picture(NamedTuple):
    """The contents of a file.

    ``pages``: arrays of shape (..., height, width), of which the axis before the last two holds the channels, if there are
    any; ``colours``: "grey", which has no such axis unless there is opacity, "rgb", "cmyk", "palette" (numbers of
    colours), or "other"; ``opacity``: None, "straight" or, where the colours are multiplied by it, "premultiplied": the
    last channel; ``details``: what is kept, by Pillow's names; ``source``: what only a file of the same format can keep.
    """

    pages: list
    colours: str
    opacity: str | None
    details: dict
    source: dict


class Refused(Exception):
    """One sentence on why a file cannot be read or written."""


def is_picture(path):
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in PICTURES


def read(path, keep_palette):
    """The picture in a file; its colours' numbers instead of its colours if it has a palette and ``keep_palette``."""
    with open(path, "rb") as file:
        mark = file.read(4)
    if mark in MARKS:
        from . import tiff_reading

        return tiff_reading.read(path, keep_palette)
    from . import pillow_reading

    return pillow_reading.read(path, keep_palette)


def write(path, picture):
    """Write a picture in the format that the ending of ``path`` says."""
    if path.suffix.lower() in TIFF:
        from . import tiff_writing

        tiff_writing.write(path, picture)
    else:
        from . import pillow_writing

        pillow_writing.write(path, picture)


def turned_upright(pixels, orientation):
    """(..., H, W) as it is seen, by the number of the TIFF and EXIF standards."""
    if orientation >= 5:
        pixels = pixels.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return pixels
