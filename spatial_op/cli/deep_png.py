"""PNG files of colours, or of grey and opacity, with 16 bits, which Pillow would cut to 8: by libpng, with Pillow's metadata."""

import io
import struct

import imagecodecs
import numpy as np
from PIL import Image, PngImagePlugin


def is_deep(file):
    """Whether a PNG file holds colours, or grey and opacity, of 16 bits, which Pillow would cut to 8."""
    return file.format == "PNG" and file.mode != "I;16" and str(file.tile[0].args).endswith(";16B")


def decode(path):
    """The pixels of a file, (C, H, W)."""
    return np.moveaxis(imagecodecs.png_decode(path.read_bytes()), -1, 0)


def encode(page, options):
    """A PNG file of 16 bits by libpng, with what Pillow writes beside the pixels of another one."""
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
