"""Supersampling: each output pixel is the mean of samples that are spread over its area, if a kernel is told of them.

A row of pixels then stands in its tile as many times as a pixel has samples, ``fine``: each of these rows has one sample of each
pixel, so that lanes remain neighbours. Tables say which row of pixels such a row belongs to, and how far from the pixels' centres
its samples are. Tiles have fewer pixels: ``tile_rows`` and ``tile_cols``. A kernel that is told nothing has one sample at the centre
of each pixel, and its code is what it would be without this file.
"""

SIZES = {"x": "w_out", "y": "h_out", "z": "d_out"}


def parameters(axes):
    """What a kernel is told."""
    return {
        **dict.fromkeys(("fine", "tile_rows", "tile_cols"), "int"), "share": "float", "row_of": "i4",
        **{f"shift_{axis}": "f8" for axis in [*SIZES][:axes]},
    }  # fmt: skip


def active(m):
    """Whether it is told."""
    return "fine" in m.arguments


def sides(m):
    """Rows and columns of pixels of a whole tile."""
    return m.tile_rows, m.tile_cols


def rows_of(m, rows):
    """Rows of a tile that has so many rows of pixels."""
    return rows * m.fine if active(m) else rows


def pixel_rows(m, rows):
    """The inverse."""
    return rows // m.fine if active(m) else rows


def pixel_row(m, q):
    """The row of pixels that a row of a tile belongs to."""
    return m.to(m.row_of[q], "i8") if active(m) else q


def place(m, axis, q, pixel):
    """Where the sample of a pixel in a row of the tile is on an axis, from the middle of the image."""
    centre = m.to(pixel, "f8") - m.to(m.arguments[SIZES[axis]] - 1, "f8") * 0.5
    return centre + m.arguments[f"shift_{axis}"][q] if active(m) else centre


def shifts(m, axes, q):
    """How far from its pixel a row's sample is along each axis."""
    if active(m):
        yield from (m.arguments[f"shift_{axis}"][q] for axis in [*SIZES][:axes])


def width(m, tile):
    """The distance of the outermost columns of a tile's samples."""
    return extent(m, "x", tile.cols)


def height(m, tile):
    """That of its rows."""
    return extent(m, "y", pixel_rows(m, tile.rows))


def extent(m, axis, pixels):
    """The distance of the outermost samples of so many pixels along an axis."""
    length = m.to(pixels - 1, "f8")
    if active(m):
        table = m.arguments[f"shift_{axis}"]
        length = length + (table[m.fine - 1] - table[0])
    return length
