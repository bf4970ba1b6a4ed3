"""Pictures that Pillow reads and writes: BMP, GIF, JPEG, PNG and WebP."""

import io
import struct

import numpy as np
from PIL import Image, ImageOps, ImageSequence, JpegImagePlugin, PngImagePlugin

from .pictures import Picture, Refused

# Pillow's modes -> the mode that holds the same and that is warped. Others are refused.
MODES = {
    "1": "1", "L": "L", "LA": "LA", "La": "LA", "P": "P", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA",
    "RGBX": "RGB", "CMYK": "CMYK", "YCbCr": "RGB", "I": "I", "I;16": "I;16", "I;16B": "I;16", "F": "F",
}  # fmt: skip
COLOURS = {"1": "grey", "L": "grey", "LA": "grey", "P": "palette", "RGB": "rgb", "RGBA": "rgb", "CMYK": "cmyk"}

# (colours, opacity, dtype) -> the mode to write.
WRITTEN = {
    ("grey", None, "bool"): "1", ("grey", None, "uint8"): "L", ("grey", None, "uint16"): "I;16",
    ("grey", "straight", "uint8"): "LA", ("palette", None, "uint8"): "P", ("rgb", None, "uint8"): "RGB",
    ("rgb", "straight", "uint8"): "RGBA", ("cmyk", None, "uint8"): "CMYK",
    ("grey", "straight", "uint16"): "LA;16", ("rgb", None, "uint16"): "RGB;16", ("rgb", "straight", "uint16"): "RGBA;16",
}  # fmt: skip

# Format -> modes that it holds, details that it keeps, whether it holds several pages.
HOLDS = {
    "BMP": (("1", "L", "P", "RGB", "RGBA"), ("dpi",), False),
    "GIF": (("1", "L", "LA", "P", "RGB", "RGBA"), ("comment",), True),
    "JPEG": (("1", "L", "RGB", "CMYK"), ("exif", "icc_profile", "dpi", "comment", "xmp"), False),
    "PNG": (("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16"), ("exif", "icc_profile", "dpi"), True),
    "WEBP": (("1", "L", "LA", "RGB", "RGBA"), ("exif", "icc_profile", "xmp"), True),
}  # fmt: skip
KEPT = ("icc_profile", "dpi", "comment", "xmp", "duration", "loop", "transparency")


def read(path, keep_palette):
    """The picture in a file."""
    with Image.open(path) as file:
        if sixteen_bits(file):
            return read_sixteen(path, file)
        frames = list(ImageSequence.Iterator(file)) if file.format == "MPO" else None
        several = getattr(file, "n_frames", 1) > 1 and frames is None
        keep_palette = keep_palette and not several and file.format != "GIF"
        source = source_of(file)
        if frames:
            file.seek(0)
            source["left_out"] = f"{len(frames) - 1} more pictures, previews or depth maps, which are left out"
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


def sixteen_bits(file):
    """Whether a PNG file holds colours, or grey and opacity, of 16 bits, which Pillow would cut to 8."""
    return file.format == "PNG" and file.mode != "I;16" and str(file.tile[0].args).endswith(";16B")


def read_sixteen(path, file):
    """A PNG file of 16 bits by libpng; what is beside the pixels by Pillow."""
    import imagecodecs

    if getattr(file, "n_frames", 1) > 1:
        raise Refused("it is an animation of 16 bits, expected 8 bits; convert it first")
    details = {key: file.info[key] for key in KEPT if key in file.info and key != "transparency"}
    upright(file, details)
    turned = file.getexif().get(0x0112, 1)
    pixels = np.moveaxis(imagecodecs.png_decode(path.read_bytes()), -1, 0)
    pixels = turned_upright(pixels, turned)
    opacity = "straight" if len(pixels) in (2, 4) else None
    return Picture([pixels], "rgb" if len(pixels) > 2 else "grey", opacity, details, source_of(file))


def turned_upright(pixels, orientation):
    """(..., H, W) as it is seen, by the number of the TIFF and EXIF standards."""
    if orientation >= 5:
        pixels = pixels.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return pixels


def write(path, picture):
    """Write a picture in the format that the ending of ``path`` says."""
    form = Image.registered_extensions()[path.suffix.lower()]
    modes, details, several = HOLDS[form]
    mode = WRITTEN.get((picture.colours, picture.opacity, str(picture.pages[0].dtype)))
    channels = mode is not None and mode[0] not in "1LPI" or mode in ("LA", "LA;16")
    if mode not in modes:
        raise Refused(f"{form} files cannot hold {described(picture)}; write a {better(form, mode)} file")
    if any(page.ndim != 2 + channels for page in picture.pages) or (len(picture.pages) > 1 and not several):
        raise Refused(f"{form} files cannot hold stacks of pages; write a TIFF file")
    if mode.endswith(";16") and len(picture.pages) > 1:
        raise Refused(f"{form} files cannot hold several pages of 16 bits; write a TIFF file")
    options = {key: picture.details[key] for key in details if key in picture.details}
    if mode == "P" and "transparency" in picture.details:
        options["transparency"] = picture.details["transparency"]
    OPTIONS[form](options, picture)
    if mode in ("LA;16", "RGB;16", "RGBA;16"):
        path.write_bytes(sixteen(picture.pages[0], options))
        return
    pages = [image_of(page, mode, picture.details) for page in picture.pages]
    if form == "GIF":
        pages = [with_palette(page) for page in pages]
    if form == "WEBP" and mode == "LA":
        pages = [page.convert("RGBA") for page in pages]
    if len(pages) > 1:
        options.update(save_all=True, append_images=pages[1:])
    pages[0].save(path, form, **options)


def described(picture):
    """What the picture holds, in words."""
    names = {"grey": "grey values", "rgb": "RGB colours", "cmyk": "CMYK colours", "palette": "a palette's numbers"}
    words = names.get(picture.colours, "its channels")
    if picture.opacity:
        words += " with opacity" if picture.opacity == "straight" else " multiplied by opacity"
    return f"{words} of type {picture.pages[0].dtype}"


def better(form, mode):
    """A format that holds a mode."""
    return "PNG" if form != "PNG" and mode in HOLDS["PNG"][0] else "TIFF"


def jpeg(options, picture):
    """The quality of the file that was read; of others 95, with all colours."""
    if picture.source.get("format") == "JPEG":
        options["qtables"] = picture.source["qtables"]
        options["progressive"] = picture.source["progressive"]
        if picture.source["subsampling"] >= 0:
            options["subsampling"] = picture.source["subsampling"]
    else:
        options.update(quality=95, subsampling=0)


def png(options, picture):
    """How its numbers are to be shown, texts, and how an animation runs."""
    if "chunks" in picture.source:
        options["pnginfo"] = picture.source["chunks"]
    animation(options, picture, disposal=0, blend=0)


def gif(options, picture):
    """How an animation runs; nothing of a page shows through the next one."""
    animation(options, picture, disposal=2 if picture.opacity else 0)
    options["optimize"] = False


def webp(options, picture):
    """Every bit, and how an animation runs."""
    options.update(lossless=True, exact=True)
    animation(options, picture)


def animation(options, picture, **more):
    """Durations and repetitions."""
    if len(picture.pages) > 1:
        options.update(more, duration=picture.details.get("durations", [100] * len(picture.pages)))
        if "loop" in picture.details:
            options["loop"] = picture.details["loop"]


OPTIONS = {"BMP": lambda options, picture: None, "GIF": gif, "JPEG": jpeg, "PNG": png, "WEBP": webp}


def image_of(page, mode, details):
    """Pillow's image of an array."""
    page = np.ascontiguousarray(page if page.ndim == 2 else np.moveaxis(page, 0, -1))
    if mode == "P":
        image = Image.fromarray(page).convert("L")
        image.putpalette(details["palette"], "RGB")
        return image
    if mode == "CMYK":
        return Image.frombytes("CMYK", page.shape[1::-1], page.tobytes())
    return Image.fromarray(page)


def with_palette(image):
    """The image with a palette: exactly its colours if there are few enough, else similar ones; opacity is all or nothing."""
    pixels = np.asarray(image.convert("RGBA"))
    opaque = pixels[..., 3] >= 128
    colours, places = np.unique(pixels[opaque][:, :3], axis=0, return_inverse=True)
    free = 256 - (not opaque.all())
    if len(colours) > free:
        image = image.convert("RGB").quantize(free, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
        numbers, palette = np.array(image), image.getpalette("RGB")
    else:
        numbers, palette = np.empty(pixels.shape[:2], np.uint8), colours.ravel().tolist()
        numbers[opaque] = places.ravel()
    palette = (palette + [0] * 768)[: 3 * free] + [0] * 3 * (256 - free)
    numbers[~opaque] = 255
    result = Image.fromarray(numbers).convert("L")
    result.putpalette(palette, "RGB")
    if free < 256:
        result.info["transparency"] = 255
    return result


def sixteen(page, options):
    """A PNG file of 16 bits by libpng, with what Pillow writes beside the pixels of another one."""
    import imagecodecs

    encoded = io.BytesIO(imagecodecs.png_encode(np.ascontiguousarray(np.moveaxis(page, 0, -1))))
    with io.BytesIO() as other:
        Image.new("L", (1, 1)).save(other, "PNG", **options)
        beside = [chunk for chunk in chunks(other) if chunk[0] not in (b"IHDR", b"IDAT", b"IEND")]
    head, *rest = chunks(encoded)
    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    for kind, content in (head, *beside, *rest):
        PngImagePlugin.putchunk(out, kind, content)
    return out.getvalue()


def chunks(file):
    """Kinds and contents of the chunks of a PNG file."""
    file.seek(8)
    found = []
    while header := file.read(8):
        size, kind = struct.unpack(">I4s", header)
        found.append((kind, file.read(size)))
        file.seek(4, io.SEEK_CUR)
    return found
