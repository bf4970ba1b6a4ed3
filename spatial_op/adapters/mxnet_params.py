"""Files of MXNet's arrays, ``*.params``. MXNet is not needed."""

import math
import os
import struct
from pathlib import Path

import numpy as np

from .. import check

LIST = 0x112  # begins a file
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA  # begins an array; older ones begin with the number of their axes
SPARSE = {1: "row_sparse", 2: "csr"}
BOOL, BFLOAT16 = 7, 12

# What a number in the file says about the dtype: how the numbers are stored.
DTYPES = {
    0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8", BOOL: "u1",
    8: "<i2", 9: "<u2", 10: "<u4", 11: "<u8", BFLOAT16: "<u2",
}  # fmt: skip
# What they mean, where that is something else: bfloat16 is the upper half of float32.
MEANT = {BOOL: lambda array: array != 0, BFLOAT16: lambda array: (array.astype(np.uint32) << 16).view(np.float32)}
MOST_AXES = 32  # NumPy's before 2.0, and MXNet's


def load_params(path):
    """The arrays of a ``.params`` file, as NumPy's.

    Conventions: shapes, dtypes and names are those of ``mxnet.nd.load(path)``, the order is that of the file; nothing is
    transposed. MXNet is not needed.

    Parameters
    ----------
    path : str or path
        A file that ``mxnet.nd.save``, ``Module.save_checkpoint``, ``Block.save_parameters`` or ``HybridBlock.export`` wrote,
        in any version of MXNet up to 1.9.1.

    Returns
    -------
    arrays : dict of str to array, or list of arrays
        A list if the file has no names. float16, float32, float64, bool and integers stay what they are; bfloat16, which
        NumPy does not have, becomes float32, with the same values.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError
        If ``path`` is none.
    ValueError
        If it is no such file, is damaged, or holds sparse arrays or arrays without numbers.

    Notes
    -----
    Checkpoints and exported blocks mark a name as a parameter, "arg:", or as a state, "aux:"; to take the marks away,
    ``{name.removeprefix("arg:").removeprefix("aux:"): array for name, array in load_params(path).items()}``. Source of the
    format: apache/mxnet 1.9.1, src/ndarray/ndarray.cc, ``NDArray::Load``; include/mxnet/tuple.h; mshadow/base.h.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import spatial_op.mxnet
    >>> path = pathlib.Path(tempfile.mkdtemp(), "bias.params")  # what mx.nd.save(path, {"arg:bias": mx.nd.array([1, 2])}) wrote
    >>> head, array = "12010000000000000000000000000000" "0100000000000000", "c9fa93f9" "00000000" "01000000" "0200000000000000"
    >>> numbers, names = "0100000000000000" "00000000" "0000803f00000040", "0100000000000000" "0800000000000000" "6172673a62696173"
    >>> path.write_bytes(bytes.fromhex(head + array + numbers + names))
    88
    >>> spatial_op.mxnet.load_params(path)
    {'arg:bias': array([1., 2.], dtype=float32)}
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"load_params: path is a {check.kind(path)}, expected a path; pass for example 'network-0000.params'."
        )
    with Path(path).open("rb") as file:
        reader = Reader(file, os.fspath(path))
        return reader.arrays()


class Reader:
    """A file that is read once, from its first byte to its last; nothing is allocated that the file does not hold."""

    def __init__(self, file, path):
        self.file, self.path, self.left = file, path, os.fstat(file.fileno()).st_size
        self.place = "its head"

    def arrays(self):
        """All of them, in a dict or a list."""
        start = self.take(min(self.left, 8))
        if start != struct.pack("<Q", LIST):
            raise self.error(f"begins with the bytes {start.hex()}" if start else "is empty", cure_of(start))
        self.numbers("Q")  # reserved
        (count,) = self.numbers("Q")
        found = []
        for number in range(1, count + 1):
            self.place = f"array {number} of {count}"
            found.append(self.array())
        self.place = "its names"
        names = self.names()
        if self.left:
            raise self.error(f"goes on for {self.left} bytes after its names")
        if not names:
            return found
        if len(set(names)) != count:
            raise self.error(f"has {count} arrays, and {len(set(names))} different names for them")
        return dict(zip(names, found))

    def names(self):
        """What the arrays are called; nothing if they have no names."""
        found = []
        for _ in range(*self.numbers("Q")):
            found.append(self.take(*self.numbers("Q")))
        try:
            return [str(name, "utf-8") for name in found]
        except UnicodeDecodeError:
            raise self.error("has names that are no UTF-8") from None

    def array(self):
        """The next one."""
        shape = self.shape()
        self.numbers("ii")  # where it was: the kind of device and its number
        (kind,) = self.numbers("i")
        if kind not in DTYPES:
            raise self.error(f"says that {self.place} has a dtype number {kind}, which MXNet does not have")
        dtype = np.dtype(DTYPES[kind])
        count = math.prod(shape)
        self.spend(count * dtype.itemsize)
        array = np.fromfile(self.file, dtype, count).reshape(shape)
        return MEANT[kind](array) if kind in MEANT else array

    def shape(self):
        """The shape of the next array, which is dense and has numbers."""
        (magic,) = self.numbers("I")
        if magic in (V2, V3):
            (storage,) = self.numbers("i")
            if storage:
                raise self.error(
                    f"has a sparse array ({SPARSE.get(storage, storage)}), {self.place}",
                    "save array.tostype('default') where MXNet is",
                )
        if magic in (V1, V2, V3):
            ((axes,), size) = self.numbers("i"), "q"
        else:
            axes, size = magic, "I"
        if axes > MOST_AXES:
            raise self.error(f"says that {self.place} has {axes} axes, which is more than MXNet has")
        shape = self.numbers(size * max(axes, 0))
        if axes < 0 or min(shape, default=0) < 0 or (axes == 0 and magic != V3):
            raise self.error(f"says that {self.place} has no numbers yet", "initialise and save it where MXNet is")
        if math.prod(max(1, number) for number in shape) >= check.ROOM:
            raise self.error(f"says that {self.place} has shape {shape}, which no memory has room for")
        return shape

    def numbers(self, layout):
        """The next numbers, little-endian as on every machine that MXNet runs on."""
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def take(self, count):
        """The next bytes."""
        self.spend(count)
        return self.file.read(count)

    def spend(self, count):
        """Make sure that so many bytes are there."""
        if count > self.left:
            raise self.error(f"ends within {self.place}: {count} bytes are needed and {self.left} are left")
        self.left -= count

    def error(self, what, cure="copy or save it again"):
        """What is wrong with the file."""
        return ValueError(
            f"load_params: path is {self.path!r}, which {what}, expected a whole file of dense arrays from mxnet.nd.save; {cure}."
        )


def cure_of(start):
    """What to do with a file that begins with these bytes instead."""
    if start.startswith(b"PK\x03\x04") or start.startswith(b"\x93NUMPY"):
        return "it is NumPy's, read it with numpy.load"
    if start.lstrip().startswith(b"{"):
        return "it seems to be JSON, read a symbol with spatial_op.mxnet.describe"
    return "pass for example 'network-0000.params'"
