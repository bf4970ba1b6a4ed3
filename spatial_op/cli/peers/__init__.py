"""The libraries to compare with: one file each, and one row or two in ``PEERS``.

A peer has a ``name``, an import name (``package``), a sentence on how to ``install`` it, ``supports(problem)``,
``own(problem)``, which is the problem that both sides are given, and ``job(problem)``, which converts a problem's arrays
to the library's own and returns what can be timed. What comes after a comma in a name says how the library is used.
"""

from .base import Job, Peer
from .kornia import Kornia
from .limits import BareProducts, PlainConvolution
from .mxnet import MXNet
from .onnxruntime import ONNXRuntime
from .opencv import OpenCV
from .openvino import OpenVINO
from .ours import Ours
from .pytorch import PyTorch, PyTorchChannelsLast, PyTorchKept
from .torchvision import TorchVision

__all__ = [
    "PEERS",
    "Job",
    "MXNet",
    "ONNXRuntime",
    "Ours",
    "Peer",
    "PyTorch",
    "PyTorchChannelsLast",
    "TorchVision",
    "available",
]

PEERS = (
    MXNet, PyTorch, PyTorchChannelsLast, PyTorchKept, Kornia, OpenCV, OpenVINO, TorchVision, ONNXRuntime, PlainConvolution,
    BareProducts,
)  # fmt: skip


def available(rows=None):
    """The peers that can be imported, and a sentence about each other library."""
    found, missing = [], {}
    for row in PEERS if rows is None else rows:
        try:
            found.append(row())
        # MXNet meets names that newer NumPy versions have removed, torchvision may be built for another PyTorch.
        except (ImportError, AttributeError, RuntimeError) as error:
            absent = isinstance(error, ModuleNotFoundError) and error.name == row.package
            reason = "is not installed" if absent else "is installed but cannot be used"
            missing.setdefault(row.package, f"{row.name} {reason}; to compare with it: {row.install}")
    return found, list(missing.values())
