"""What a peer is."""

import importlib
import warnings
from collections.abc import Callable
from typing import NamedTuple


class Job(NamedTuple):
    """A problem in a library's own arrays; ``forward_backward()`` returns the result and the inputs' gradients."""

    forward: Callable
    forward_backward: Callable | None
    to_numpy: Callable


class Peer:
    """A library, imported when the object is made; a ``limit`` does less work, and its result is another one."""

    name, package, install = "", "", ""
    limit = False

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.module = importlib.import_module(self.package)

    @property
    def library(self):
        """The library's name, however it is used."""
        return self.name.partition(",")[0]

    @property
    def version(self):
        """The library's version."""
        return self.module.__version__.partition("+")[0]

    def supports(self, problem):
        """Whether the library has this operator with these parameters."""
        return True

    def own(self, problem):
        """The problem by the library's own rules, where they are others and this package has them too."""
        return problem

    def set_threads(self, threads):
        """Use so many threads from now on."""
