"""Handwritten digits: those that come with scikit-learn, or MNIST's files where a person has them."""

import gzip
import pathlib
import struct

import numpy as np

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def load(mnist=None):
    """Training and test images, (N, 1, S, S) from 0 to 1, and their labels.

    Of scikit-learn's 1797 digits of 8x8 pixels every third is for testing. ``mnist`` is a folder with MNIST's IDX files,
    compressed or not.
    """
    if mnist is not None:
        return tuple(read(pathlib.Path(mnist), part) for part in FILES)
    from sklearn.datasets import load_digits

    bundled = load_digits()
    images = np.float32(bundled.images[:, None] / 16)
    test = np.arange(len(images)) % 3 == 2
    return (images[~test], bundled.target[~test]), (images[test], bundled.target[test])


def read(folder, part):
    """Images and labels of one part."""
    images, labels = (read_idx(folder, name) for name in FILES[part])
    return np.float32(images[:, None] / 255), labels.astype(np.int64)


def read_idx(folder, name):
    """An array from an IDX file: two zeros, a type (8: bytes), the number of axes, big-endian sizes, numbers."""
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
    if path is None:
        raise FileNotFoundError(f"{folder} has no {name} or {name}.gz, expected MNIST's four IDX files.")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        content = file.read()
    kind, axes = struct.unpack(">HBB", content[:4])[1:]
    if kind != 8:
        raise ValueError(f"{path} holds numbers of type {kind}, expected bytes (8), as MNIST's files do.")
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
