"""Pictures that Pillow reads: BMP, GIF, JPEG, PNG, WebP, and what else it knows."""

import struct

import numpy as np
from PIL import Image, ImageOps, ImageSequence, JpegImagePlugin, PngImagePlugin

from . import deep_png
from .pictures import Picture, Refused, turned_upright

# Pillow's modes -> the mode that holds the same and that is warped. Others are refused.
MODES = {
    "1": "1", "L": "L", "LA": "LA", "La": "LA", "P": "P", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA",
    "RGBX": "RGB", "CMYK": "CMYK", "YCbCr": "RGB", "I": "I", "I;16": "I;16", "I;16B": "I;16", "F": "F",
}  # fmt: skip
COLOURS = {"1": "grey", "L": "grey", "LA": "grey", "P": "palette", "RGB": "rgb", "RGBA": "rgb", "CMYK": "cmyk"}

# What is kept of what Pillow says of a file.
KEPT = ("icc_profile", "dpi", "comment", "xmp", "duration", "loop", "transparency")


def read(path, keep_palette):
    """The picture in a file."""
    with Image.open(path) as file:
        if deep_png.is_deep(file):
            return read_deep(path, file)
        frames = list(ImageSequence.Iterator(file)) if file.format == "MPO" else None
        several = getattr(file, "n_frames", 1) > 1 and frames is None
        keep_palette = keep_palette and not several and file.format != "GIF"
        source = source_of(file)
        if frames:
            file.seek(0)
            source["notes"] = ["holds more than one picture: the others, previews or depth maps, are left out"]
        details = {key: file.info[key] for key in KEPT if file.info.get(key) is not None}
        pages, modes, durations = [], set(), []
        for frame in ImageSequence.Iterator(file) if several else [file]:
            frame.load()  # WebP says how long only then
            durations.append(frame.info.get("duration", 0))
            frame = upright(frame, details)
            frame = settled(frame, keep_palette)
            modes.add(frame.mode)
            pages.append(frame.copy() if several else frame)
        mode = modes.pop() if len(modes) == 1 else "RGBA"
        if mode == "P":
            details["palette"] = pages[0].getpalette("RGB")
        else:
            details.pop("transparency", None)
        if several:
            details["durations"] = durations
        pages = [channels_first(np.asarray(page.convert(mode))) for page in pages]
    opacity = "straight" if mode in ("LA", "RGBA") else None
    return Picture(pages, COLOURS.get(mode, "grey"), opacity, details, source)


def source_of(file):
    """What a file of the same format can keep."""
    source = {"format": "JPEG" if file.format == "MPO" else file.format}
    if source["format"] == "JPEG":
        source["qtables"] = file.quantization
        source["subsampling"] = JpegImagePlugin.get_sampling(file)
        source["progressive"] = bool(file.info.get("progressive"))
    if source["format"] == "PNG":
        source["chunks"] = chunks_of(file)
        source["default_image"] = getattr(file, "default_image", False)
    return source


def chunks_of(file):
    """The chunks of a PNG file that say how its numbers are to be shown, and its texts."""
    info, chunks = file.info, PngImagePlugin.PngInfo()
    if "gamma" in info:
        chunks.add(b"gAMA", struct.pack(">I", round(1e5 * info["gamma"])))
    if "srgb" in info:
        chunks.add(b"sRGB", bytes([info["srgb"]]))
    if "chromaticity" in info:
        chunks.add(b"cHRM", struct.pack(">8I", *(round(1e5 * number) for number in info["chromaticity"])))
    for key, value in file.text.items():
        if isinstance(value, PngImagePlugin.iTXt):
            chunks.add_itxt(key, value, value.lang or "", value.tkey or "")
        else:
            chunks.add_text(key, value)
    return chunks


def upright(frame, details):
    """The picture as it is seen; its other EXIF data are kept."""
    exif = frame.getexif()
    if len(exif):
        if exif.get(0x0112, 1) != 1:
            frame = ImageOps.exif_transpose(frame)
            exif = frame.getexif()
        details["exif"] = exif.tobytes()
        if "xmp" in details and "xmp" in frame.info:
            details["xmp"] = frame.info["xmp"]
    return frame


def settled(frame, keep_palette):
    """The picture in one of the modes that are warped."""
    if frame.mode not in MODES:
        raise Refused(f"its pixels are {frame.mode}, expected grey, RGB or CMYK; convert it first")
    mode = MODES[frame.mode]
    if mode == "P" and not keep_palette:
        mode = "RGBA" if frame.has_transparency_data else "RGB"
    elif mode in ("1", "L", "RGB") and frame.has_transparency_data:
        mode = "RGBA" if mode == "RGB" else "LA"
    elif mode.startswith("I") and "transparency" in frame.info:
        raise Refused(
            "one of its 16-bit greys is marked as transparent, expected a channel of opacity; convert it first"
        )
    return frame if frame.mode == mode else frame.convert(mode)


def channels_first(picture):
    """(H, W) or (C, H, W) of (H, W[, C])."""
    return picture if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def read_deep(path, file):
    """A PNG file of 16 bits by libpng; what is beside the pixels by Pillow."""
    if getattr(file, "n_frames", 1) > 1:
        raise Refused("it is an animation of 16 bits, expected 8 bits; convert it first")
    details = {key: file.info[key] for key in KEPT if key in file.info and key != "transparency"}
    upright(file, details)
    turned = file.getexif().get(0x0112, 1)
    pixels = deep_png.decode(path)
    pixels = turned_upright(pixels, turned)
    opacity = "straight" if len(pixels) in (2, 4) else None
    return Picture([pixels], "rgb" if len(pixels) > 2 else "grey", opacity, details, source_of(file))
