"""Warping pictures as files hold them: channels in front of height and width, the last of which may be the opacity."""

import numpy as np
from dask import array as da

from ..dask import warp
from ..operators.any_dtype import whole, working
from ..samplers import SAMPLERS


def picks(sampler_type):
    """Whether a sampler takes the value of one pixel, and mixes none."""
    return len(SAMPLERS[sampler_type].taps(0.5)) == 1


def mixes(dtype):
    """Whether ``warped_with_opacity`` can weigh numbers of the dtype."""
    return dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize < 8)


def warped(image, matrix, **options):
    """The warped Dask array, (..., H, W), in its own dtype, however narrow it is."""
    return warp(image, matrix, channel_axis=0 if image.ndim == 3 else None, **options)


def warped_with_opacity(image, matrix, **options):
    """``warped`` of (..., C, H, W) whose last channel is the opacity, so that transparent pixels lend no colour to others.

    Colours are warped as they are and multiplied by the opacity; the second, divided by the warped opacity, are meant. The
    difference is added to the first, which leaves them bit for bit where the map is one of whole pixels.
    """
    dtype = image.dtype.newbyteorder("=")
    if picks(options["sampler_type"]):
        return warped(image, matrix, **options)
    work = image.astype(working(dtype))
    colours, opacity = work[..., :-1, :, :], work[..., -1:, :, :]
    out = warped(da.concatenate([work, colours * opacity], axis=-3), matrix, **options)
    out = out.rechunk({out.ndim - 3: -1})
    channels = {out.ndim - 3: (image.shape[-3],)}
    return da.map_blocks(
        divided, out, dtype, dtype=dtype, chunks=tuple(channels.get(k, c) for k, c in enumerate(out.chunks))
    )


def divided(layers, dtype):
    """Colours and opacity, from colours, opacity and their products."""
    count = (layers.shape[-3] + 1) // 2
    straight, opacity, products = np.split(layers, (count - 1, count), axis=-3)
    with np.errstate(all="ignore"):
        change = (products - straight * opacity) / opacity
        colours = straight + np.where(opacity > 0, change, 0)
    return whole(np.concatenate([colours, opacity], axis=-3), dtype)
