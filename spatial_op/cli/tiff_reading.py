"""TIFF files that tifffile reads: of any dtype, with any axes, one or more series of pages; their axes, palette, colours and tags are kept."""

import contextlib
import logging
import threading

import numpy as np
import tifffile
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC

from .pictures import Picture, Refused, turned_upright

COLOURS = {
    PHOTOMETRIC.MINISBLACK: "grey", PHOTOMETRIC.RGB: "rgb", PHOTOMETRIC.SEPARATED: "cmyk", PHOTOMETRIC.PALETTE: "palette",
    PHOTOMETRIC.MINISWHITE: "other", PHOTOMETRIC.MASK: "other", PHOTOMETRIC.YCBCR: "rgb", PHOTOMETRIC.LINEAR_RAW: "other",
}  # fmt: skip
OPACITY = {EXTRASAMPLE.ASSOCALPHA: "premultiplied", EXTRASAMPLE.UNASSALPHA: "straight"}

# Compressions that lose nothing and can be written; others become "deflate".
LOSSLESS = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
    COMPRESSION.LZMA,
)
PREDICTED = (COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.ZSTD)

# Tags that are true of the warped picture too: document, maker, model, page name, time, artist, host, XMP, copyright, IPTC,
# no data.
TAGS = (269, 271, 272, 285, 306, 315, 316, 700, 33432, 33723, 42113)
PLACE_ON_EARTH = (33550, 33922, 34264, 34735)

# What tifffile finds out for itself when it writes ImageJ's metadata, and marks at places of the old picture.
OWN = ("ImageJ", "images", "channels", "slices", "frames", "hyperstack", "ROI", "Overlays")


def read(path, keep_palette):
    """The picture in a file; each series of pages is one of its pages."""
    pages, kinds, series = [], set(), []
    with warnings_of_tifffile() as notes, tifffile.TiffFile(path) as file:
        if not file.series:
            raise Refused("it cannot be read as a picture: it holds no pages")
        for one in file.series:
            page, colours, opacity, options = read_series(one, keep_palette)
            pages.append(page)
            kinds.add((colours, opacity, page.dtype))
            series.append(options)
        details = {"dpi": dots_per_inch(file.pages.first), "icc_profile": file.pages.first.iccprofile}
        source = {"format": "TIFF", "series": series, "file": writer_options(file), "notes": notes}
        if any(code in file.pages.first.tags for code in PLACE_ON_EARTH):
            notes.append("holds a place on Earth: the warp moves it, and it is left out")
        if any(len(one.levels) > 1 for one in file.series):
            notes.append("holds smaller copies of its pages: they are left out")
        metadata(file, source)
    if len({(colours, opacity) for colours, opacity, _ in kinds}) > 1:
        raise Refused("its pages differ in their colours, expected all alike; write them to files of their own first")
    colours, opacity, _ = kinds.pop()
    if colours == "palette":
        details["palette"] = (series[0]["colormap"].T >> 8).ravel().tolist()
    return Picture(pages, colours, opacity, {key: value for key, value in details.items() if value}, source)


@contextlib.contextmanager
def warnings_of_tifffile():
    """What it says, on this thread, instead of printing it: files that it takes for damaged, and what it makes of them."""
    logger, thread, said = logging.getLogger("tifffile"), threading.get_ident(), []

    class Handler(logging.Handler):
        def emit(self, record):
            if record.thread == thread and not said:
                said.append(f"may be damaged, as tifffile says: {record.getMessage().splitlines()[0]}")

    handler = Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def read_series(series, keep_palette):
    """Pages of one shape: array, colours, opacity, and how to write the like."""
    page, axes = series.keyframe, series.axes
    if page.photometric not in COLOURS or axes.count("Y") != 1 or axes.count("X") != 1:
        kind = getattr(page.photometric, "name", page.photometric)
        raise Refused(
            f"its pages have the axes {axes} and are {kind}, expected height (Y) and width (X) of grey, RGB or CMYK"
        )
    if series.is_multifile:
        raise Refused("its pages lie in several files, expected one; join them first")
    array = series.asarray()
    if 0 in array.shape or array.shape != series.shape:
        raise Refused(f"its pages have shape {array.shape}, expected {series.shape} as it says")
    order = [number for number, name in enumerate(axes) if name not in "SYX"]
    order += [axes.index(name) for name in "SYX" if name in axes]
    array = turned_upright(array.transpose(order), page.tags.valueof(274, 1))
    colours = COLOURS[page.photometric]
    options = {
        "axes": axes, "order": order, "photometric": page.photometric, "compression": "deflate",
        "extrasamples": list(page.extrasamples) or None, "tile": page.tile if page.is_tiled else None,
        "planarconfig": page.planarconfig if "S" in axes else None, "extratags": extra_tags(page),
        "iccprofile": page.iccprofile, **resolution(page),
    }  # fmt: skip
    if page.photometric == PHOTOMETRIC.YCBCR:
        options["photometric"] = PHOTOMETRIC.RGB
    if page.compression in LOSSLESS:
        options["compression"] = None if page.compression == COMPRESSION.NONE else page.compression
    options["predictor"] = page.predictor != 1 and page.compression in PREDICTED
    if colours == "palette":
        options["colormap"] = page.colormap
        if not keep_palette:
            array, colours = page.colormap[:, array], "rgb"
            array = np.moveaxis(array, 0, -3)
            if not (page.colormap % 257).any():
                array = (array // 257).astype(np.uint8)
            options.update(colormap=None, photometric=PHOTOMETRIC.RGB, axes=axes + "S", planarconfig="contig")
            options["order"] = [*order[:-2], len(order), *order[-2:]]
    opacity = OPACITY.get(page.extrasamples[-1]) if page.extrasamples and "S" in axes else None
    return array, colours, opacity, {key: value for key, value in options.items() if value is not None}


def resolution(page):
    """Pixels per unit, along x and y as the picture is seen."""
    x, y, unit = (page.tags.valueof(code) for code in (282, 283, 296))
    if not x or not y:
        return {}
    return {"resolution": (y, x) if page.tags.valueof(274, 1) >= 5 else (x, y), "resolutionunit": unit or 2}


def dots_per_inch(page):
    """The same as Pillow says it, or None."""
    given = resolution(page)
    scale = {2: 1, 3: 2.54}.get(given.get("resolutionunit"))
    return scale and tuple(scale * top / bottom for top, bottom in given["resolution"] if bottom)


def extra_tags(page):
    """Tags that are copied."""
    tags = (page.tags.get(code) for code in TAGS)
    return [
        (tag.code, tag.dtype, tag.count if tag.dtype != 2 else 0, tag.value, True) for tag in tags if tag is not None
    ]


def writer_options(file):
    """The flavour of the file."""
    return {"bigtiff": file.is_bigtiff, "byteorder": file.byteorder, "imagej": bool(file.is_imagej)}


def metadata(file, source):
    """What the first page's description says, in the words of the program that wrote it."""
    first = source["series"][0]
    description, software = file.pages.first.description, file.pages.first.software
    if file.is_imagej:
        first["metadata"] = {key: value for key, value in file.imagej_metadata.items() if key not in OWN}
    elif file.is_ome:
        source["ome"] = file.ome_metadata
    elif file.is_shaped:
        first["metadata"] = {
            key: value for key, value in file.shaped_metadata[0].items() if key not in ("shape", "axes")
        }
    elif description:
        first["description"] = description
    if software and not software.startswith("tifffile"):
        first["software"] = software
