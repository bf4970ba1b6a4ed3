"""One picture: read, warped and written; or one sentence on why not."""

import pathlib
import sys
import tempfile
from typing import NamedTuple

from PIL import UnidentifiedImageError

from ..operators.any_dtype import kind_of
from . import pictures, room
from .beside import beside
from .failures import sentence
from .fills import Colour, fitted
from .opacity import mixes, picks, sampling, warped, warped_with_opacity


class Done(NamedTuple):
    """What was written, in words, and what is to be said of the original."""

    words: str
    notes: list


def warp_file(source, target, request):
    """From a file to a file."""
    if target.exists() and target.samefile(source):
        raise pictures.Refused("OUT is the same file, expected another name; the original is not replaced")
    result = warp_picture(source, request, target.suffix.lower())
    with beside(target) as path:
        write(path, result, target)
    return Done(described(result.pages), result.source.get("notes", []))


def to_stream(source, request, form):
    """From a file to standard output, in the format that is asked for, or else the file's own."""
    result = warp_picture(source, request, f".{form}" if form else None)
    ending = f".{form}" if form else pictures.ENDINGS.get(result.source["format"])
    if ending is None:
        raise pictures.Refused(f"its format {result.source['format']} is not written; say another one with --format")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"picture{ending}")
        write(path, result, "standard output")
        sys.stdout.buffer.write(path.read_bytes())


def warp_picture(source, request, ending):
    """The warped picture of a file; a palette's numbers stay if nothing mixes them and the ending holds them."""
    whole = picks(request.sampler) and not isinstance(request.fill, Colour)
    given, fill = fitted(request.fill, read(source, keep_palette=whole and ending in (*pictures.PALETTES, None)))
    maps = [request.geometry.of(*page.shape[-2:]) for page in given.pages]
    require_possible(given, request, [target for _, target in maps])
    straight = given.opacity == "straight"
    function = warped_with_opacity if straight else warped
    options = sampling(request)
    pages = [function(page, matrix, target, fill, **options) for page, (matrix, target) in zip(given.pages, maps)]
    return given._replace(pages=pages)


def described(pages):
    """Sizes in words."""
    if len({page.shape[-2:] for page in pages}) > 1:
        return f"{len(pages)} pages of several sizes"
    height, width = pages[0].shape[-2:]
    return f"{height} pixels high, {width} wide" + (f", {len(pages)} pages" if len(pages) > 1 else "")


def read(source, keep_palette):
    """The picture in a file, or a sentence."""
    try:
        return pictures.read(source, keep_palette)
    except (pictures.Refused, MemoryError, ImportError):
        raise
    except Exception as error:  # of many kinds, by library, version and what is broken
        if isinstance(error, OSError) and error.strerror:
            raise
        unknown = isinstance(error, UnidentifiedImageError) or not str(error).strip()
        reason = "it is broken or of another kind" if unknown else sentence(error)
        raise pictures.Refused(f"it cannot be read as a picture: {reason}") from error


def write(path, picture, target):
    """Write a picture, or a sentence on why the library cannot."""
    try:
        pictures.write(path, picture)
    except (pictures.Refused, MemoryError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise pictures.Refused(f"the result cannot be written to {target}: {sentence(error)}") from error


def require_possible(picture, request, targets):
    """Refuse numbers that cannot be warped, and results that are too large."""
    for page, target in zip(picture.pages, targets):
        if not kind_of(page.dtype):
            raise pictures.Refused(
                f"its pixels are numbers of type {page.dtype}, expected integers or floats of up to 64 bits"
            )
        if picture.opacity == "straight" and not mixes(page.dtype) and not picks(request.sampler):
            raise pictures.Refused(f"it holds opacity and numbers of type {page.dtype}; pass --sampler nearest")
        room.require(page.shape[:-2] + target, page.dtype, "choose a smaller result, or use zarr arrays")
