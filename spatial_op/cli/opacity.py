"""Warping pictures as files hold them: channels in front of height and width, the last of which may be the opacity."""

import numpy as np

from .. import warp
from ..operators import arguments
from ..operators.any_dtype import whole, working
from ..samplers import SAMPLERS


def picks(sampler_type):
    """Whether a sampler takes the value of one pixel, and mixes none."""
    return arguments.picks(SAMPLERS[sampler_type])


def mixes(dtype):
    """Whether ``warped_with_opacity`` can weigh numbers of the dtype."""
    return dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize < 8)


def sampling(request):
    """What ``warped`` is asked for."""
    return {"sampler_type": request.sampler, "padding_mode": request.border, "antialias": request.antialias}


def warped(page, matrix, target, fill=None, **options):
    """The warped page, (..., H, W), in its own dtype; ``fill`` has a number for each channel, or one for all."""
    planes = page.reshape(-1, *page.shape[-2:])
    fill = (0,) if fill is None else np.tile(fill, len(planes) // len(fill)) if len(fill) > 1 else fill
    out = warp(planes, matrix, target, fill_value=fill, channel_axis=0, **options)
    return out.reshape(*page.shape[:-2], *target)


def warped_with_opacity(page, matrix, target, fill=None, **options):
    """``warped`` of (..., C, H, W) whose last channel is the opacity, so that transparent pixels lend no colour to others.

    Colours are warped as they are and multiplied by the opacity; the second, divided by the warped opacity, are meant. The
    difference is added to the first, which leaves them bit for bit where the map is one of whole pixels.
    """
    if picks(options["sampler_type"]):
        return warped(page, matrix, target, fill, **options)
    dtype = page.dtype.newbyteorder("=")
    layers = with_products(page.astype(working(dtype)), -3)
    fill = None if fill is None else with_products(np.asarray(fill), 0)
    return divided(warped(layers, matrix, target, fill, **options), dtype)


def with_products(layers, axis):
    """Colours and opacity along an axis, and their products behind them."""
    colours, opacity = np.split(layers, [-1], axis)
    return np.concatenate([layers, colours * opacity], axis)


def divided(layers, dtype):
    """Colours and opacity, from colours, opacity and their products."""
    count = (layers.shape[-3] + 1) // 2
    straight, opacity, products = np.split(layers, (count - 1, count), axis=-3)
    with np.errstate(all="ignore"):
        change = (products - straight * opacity) / opacity
        colours = straight + np.where(opacity > 0, change, 0)
    return whole(np.concatenate([colours, opacity], axis=-3), dtype)
