"""Photographs: the one that is shipped with scikit-image, or the user's."""

import numpy as np

LARGEST = 1024


def shipped():
    """A photograph of a cat, (C, H, W) from 0 to 1."""
    from skimage import data

    return channels_first(data.chelsea() / 255.0)


def read(path):
    """A picture from a file, (C, H, W) from 0 to 1 with 1, 3 or 4 channels; large ones are made smaller.

    Raises
    ------
    OSError
        If the file cannot be read as a picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith(("I", "F")):  # 16 bits or more, grey
                values = np.asarray(picture, np.float64)
                picture = Image.fromarray(np.uint8(255 * values / max(values.max(), 1.0) + 0.5))
            elif picture.has_transparency_data:
                picture = picture.convert("RGBA")
            elif picture.mode in ("1", "L"):
                picture = picture.convert("L")
            else:
                picture = picture.convert("RGB")
            picture.thumbnail((LARGEST, LARGEST))
            return channels_first(np.asarray(picture) / 255.0)
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises for broken files
        raise OSError(str(error)) from error


def with_opacity(image):
    """Add a last channel with the opacity if there is none, and multiply the colours by it, as blending wants them."""
    if len(image) < 4:
        return np.concatenate([image, np.ones_like(image[:1])])
    return np.concatenate([image[:3] * image[3:], image[3:]])


def channels_first(picture):
    """(H, W) or (H, W, C) to (C, H, W)."""
    picture = np.atleast_3d(picture)
    return np.ascontiguousarray(picture.transpose(2, 0, 1))
