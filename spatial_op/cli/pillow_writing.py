"""Pictures that Pillow writes: BMP, GIF, JPEG, PNG and WebP; or a sentence on why a format cannot hold them."""

import numpy as np
from PIL import Image

from . import deep_png
from .pictures import Refused

# Modes of our own, of PNG files of 16 bits.
DEEP = ("LA;16", "RGB;16", "RGBA;16")

# (colours, opacity, dtype) -> the mode to write.
WRITTEN = {
    ("grey", None, "bool"): "1", ("grey", None, "uint8"): "L", ("grey", None, "uint16"): "I;16",
    ("grey", "straight", "uint8"): "LA", ("palette", None, "uint8"): "P", ("rgb", None, "uint8"): "RGB",
    ("rgb", "straight", "uint8"): "RGBA", ("cmyk", None, "uint8"): "CMYK",
    ("grey", "straight", "uint16"): "LA;16", ("rgb", None, "uint16"): "RGB;16", ("rgb", "straight", "uint16"): "RGBA;16",
}  # fmt: skip

# Format -> modes that it holds, details that it keeps, whether it holds several pages, and its longest side.
HOLDS = {
    "BMP": (("1", "L", "P", "RGB", "RGBA"), ("dpi",), False, 2**31 - 1),
    "GIF": (("1", "L", "LA", "P", "RGB", "RGBA"), ("comment",), True, 65535),
    "JPEG": (("1", "L", "RGB", "CMYK"), ("exif", "icc_profile", "dpi", "comment", "xmp"), False, 65500),
    "PNG": (("1", "L", "LA", "P", "RGB", "RGBA", *DEEP, "I;16"), ("exif", "icc_profile", "dpi"), True, 2**31 - 1),
    "WEBP": (("1", "L", "LA", "RGB", "RGBA"), ("exif", "icc_profile", "xmp"), True, 16383),
}  # fmt: skip


def write(path, picture):
    """Write a picture in the format that the ending of ``path`` says."""
    form = Image.registered_extensions()[path.suffix.lower()]
    modes, details, several, longest = HOLDS[form]
    mode = WRITTEN.get((picture.colours, picture.opacity, str(picture.pages[0].dtype)))
    channels = mode is not None and mode[0] not in "1LPI" or mode in ("LA", "LA;16")
    if mode not in modes:
        raise Refused(f"{form} files cannot hold {described(picture)}; write a {better(form, mode)} file")
    if any(page.ndim != 2 + channels for page in picture.pages) or (len(picture.pages) > 1 and not several):
        raise Refused(f"{form} files cannot hold several pages; write a TIFF file")
    if mode in DEEP and len(picture.pages) > 1:
        raise Refused(f"{form} files cannot hold several pages of 16 bits; write a TIFF file")
    if max(max(page.shape[-2:]) for page in picture.pages) > longest:
        raise Refused(f"{form} files cannot hold sides of more than {longest} pixels; write a TIFF file")
    options = {key: picture.details[key] for key in details if key in picture.details}
    OPTIONS[form](options, picture)
    if mode in DEEP:
        path.write_bytes(deep_png.encode(picture.pages[0], options))
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
    if picture.source.get("default_image"):  # a first picture that is no part of the animation
        options.update(default_image=True, duration=options["duration"][1:])


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
        if "transparency" in details:
            image.info["transparency"] = details["transparency"]
        return image
    if mode == "CMYK":
        return Image.frombytes("CMYK", page.shape[1::-1], page.tobytes())
    return Image.fromarray(page)


def with_palette(image):
    """The image with a palette: exactly its colours if there are few enough, else similar ones; opacity is all or nothing."""
    pixels = np.asarray(image.convert("RGBA"))
    opaque = pixels[..., 3] >= 128
    codes = pixels[..., :3].astype(np.int32) @ (1 << 16, 1 << 8, 1)
    colours, places = np.unique(codes[opaque], return_inverse=True)
    free = 256 - (not opaque.all())
    if len(colours) > free:
        image = image.convert("RGB").quantize(free, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
        numbers, palette = np.array(image), image.getpalette("RGB")
    else:
        numbers, palette = np.empty(pixels.shape[:2], np.uint8), (colours[:, None] >> (16, 8, 0) & 255).ravel().tolist()
        numbers[opaque] = places.ravel()
    palette = (palette + [0] * 768)[: 3 * free] + [0] * 3 * (256 - free)
    numbers[~opaque] = 255
    result = Image.fromarray(numbers).convert("L")
    result.putpalette(palette, "RGB")
    if free < 256:
        result.info["transparency"] = 255
    return result
