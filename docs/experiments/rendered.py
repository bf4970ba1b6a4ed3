"""House numbers: one to five digits in one of many fonts, turned and slanted, on clutter, somewhere in a crop.

A stand-in for the Street View House Numbers, which are too large to come along. The number's own picture is warped into
the crop by our operator, and so is the clutter.
"""

import functools
import pathlib

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import spatial_op as so

FONTS = (
    *[f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")],
    *[f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")],
    *[f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")],
    *[f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")],
    *["cmr10", "cmb10", "cmtt10", "cmss10", "cmti10"],
)
LONGEST, BLANK = 5, 10
HEIGHT = 24


@functools.cache
def glyphs(font):
    """Masks (HEIGHT, W) from 0 to 1 of the ten digits, cut to their widths."""
    path = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    face = ImageFont.truetype(path, HEIGHT + 4)
    found = []
    for digit in "0123456789":
        left, top, right, bottom = face.getbbox(digit)
        image = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(image).text((-left, -top), digit, fill=255, font=face)
        found.append(np.float32(image.resize((max(image.width * HEIGHT // image.height, 4), HEIGHT))) / 255)
    return found


def strip(rng, digits):
    """Mask (HEIGHT + 2, W) of the digits beside each other, a pixel of nothing around them."""
    drawn = glyphs(FONTS[rng.integers(len(FONTS))])
    gap = np.zeros((HEIGHT, rng.integers(1, 5)), np.float32)
    parts = [part for digit in digits for part in (gap, drawn[digit])][1:]
    return np.pad(np.concatenate(parts, 1), 1)


def placed(rng, masks, size, span):
    """Masks (N, size, size) of strips that are warped to somewhere in the crop, ``span`` pixels wide at most."""
    count, width = len(masks), max(mask.shape[1] for mask in masks)
    data = np.zeros((count, 1, HEIGHT + 2, width), np.float32)
    for mask, image in zip(masks, data[:, 0]):
        left = (width - mask.shape[1]) // 2
        image[:, left : left + mask.shape[1]] = mask
    wide = np.array([mask.shape[1] for mask in masks])
    scale = np.minimum(rng.uniform(0.7, 1.0, count), span / wide)  # crop pixels for each of the strip's
    angle, slant = rng.uniform(-0.1, 0.1, count), rng.uniform(-0.1, 0.1, count)
    across = np.abs(np.cos(angle)) * wide + np.abs(np.sin(angle)) * HEIGHT
    down = np.abs(np.sin(angle)) * wide + np.abs(np.cos(angle)) * HEIGHT
    room = np.maximum(size - scale * np.stack([across, down]), 0) / 2
    shift = rng.uniform(-1, 1, (2, count)) * room
    # From crop pixels, measured from its middle, to strip pixels from its middle: back, turned, slanted, scaled.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    back = np.einsum("ij...,jk...->ik...", np.array([[np.ones(count), slant], [0 * slant, np.ones(count)]]), turn)
    back = np.moveaxis(back / scale, -1, 0)
    loc = np.concatenate([back, -back @ shift.T[..., None]], 2)
    unit = np.array([[2 / (width - 1)], [2 / (HEIGHT + 1)]])
    loc = loc * unit * [(size - 1) / 2, (size - 1) / 2, 1]
    return so.SpatialTransformer(data, np.float32(loc.reshape(count, 6)), (size, size))[:, 0]


def background(rng, count, size):
    """Smooth shades (N, size, size): coarse noise, enlarged by a bicubic warp."""
    cells = rng.normal(0, 1, (count, 1, 5, 5)).astype(np.float32)
    return so.SpatialTransformer(cells, so.identity_loc("affine", count), (size, size), sampler_type="bicubic")[:, 0]


def batch(rng, count, size, span, longest=LONGEST):
    """Grey images (N, 1, size, size) of one to ``longest`` digits, and these (N, 5), which are 10 beyond the end."""
    labels = np.full((count, LONGEST), BLANK)
    for row in labels:
        length = rng.integers(1, longest + 1)
        row[:length] = rng.integers(0, 10, length)
    images = 0.3 * background(rng, count, size)
    # Clutter: scraps of digits, small and faint enough not to be taken for the number.
    for _ in range(2):
        scraps = [strip(rng, rng.integers(0, 10, 1))[: HEIGHT // 2] for _ in range(count)]
        scraps = [np.pad(scrap, ((0, HEIGHT + 2 - len(scrap)), (0, 0))) for scrap in scraps]
        images += rng.uniform(-0.5, 0.5, (count, 1, 1)) * placed(rng, scraps, size, span)
    masks = placed(rng, [strip(rng, row[row < BLANK]) for row in labels], size, span)
    images += masks * (rng.uniform(0.9, 1.5, (count, 1, 1)) - 0.7 * images)
    images += rng.normal(0, 0.05, images.shape)
    return np.float32(images[:, None]), labels
