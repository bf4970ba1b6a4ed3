"""
Warp a slide that is larger than memory
=======================================

Of a turned slide of 31 gigabytes a small part is shown, and only the chunks that
it needs are read.

Microscopes make pictures that no memory holds. They lie on disk in chunks, and
Dask computes with them chunk by chunk, when a result is asked for.
``spatial_op.dask.warp`` finds out which chunks each part of the result needs.
"""

import dask
import dask.array
import numpy as np
from matplotlib import pyplot as plt
from skimage import data

from spatial_op.dask import warp

# %%
# In place of a file, a function makes chunks of 2,048 x 2,048 pixels, and takes a
# note of each that is read. With zarr this would be
# ``dask.array.from_zarr("slide.zarr")``.
tissue = np.tile(data.immunohistochemistry(), (4, 4, 1))  # (2048, 2048, 3)
read = np.zeros((50, 50))


def chunk(block_id):
    """One chunk, darker or brighter than its neighbours, so that it shows."""
    row, column, _ = block_id
    read[row, column] += 1
    return tissue // 4 * 3 + np.uint8(60 * ((row + column) % 2))


slide = dask.array.map_blocks(
    chunk,
    chunks=((2048,) * 50, (2048,) * 50, (3,)),
    dtype="uint8",
    meta=np.empty((0, 0, 0), "uint8"),
)
print(slide.shape, f"{slide.nbytes / 1e9:.0f} GB")  # (102400, 102400, 3) 31 GB

# %%
# The slide is turned by 30 degrees about its middle. No pixel is computed yet.
c, s, middle = np.cos(np.pi / 6), np.sin(np.pi / 6), 51199.5
turn = [[c, -s, middle * (1 - c + s)], [s, c, middle * (1 - c - s)]]
turned = warp(slide, turn, channel_axis=-1)
part = turned[60000:60900, 40000:41400].compute(scheduler="sync")
print(f"read: {(read > 0).sum()} of {read.size} chunks")  # read: 8 of 2500 chunks

figure, axes = plt.subplots(
    1, 2, figsize=(7, 3.1), layout="constrained", width_ratios=(1, 1.7)
)
left, right = axes
left.imshow(read > 0, cmap="Blues", vmax=1.5)
left.set_title("Chunks that were read")
left.set(xlabel="column of chunks", ylabel="row of chunks")
right.imshow(part)
right.set_title("The part, 900 x 1,400 pixels")
right.axis("off")
plt.show()
