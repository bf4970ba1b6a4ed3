"""What a row of the table of transforms holds."""

from collections.abc import Callable
from typing import NamedTuple


class Transform(NamedTuple):
    """One transform; ``transforms/__init__.py`` says what the functions do."""

    meaning: str
    identity: tuple
    plan_size: int
    fold: Callable
    locate: Callable
    pull_back: Callable
    unfold: Callable
    helpers: tuple

    @property
    def width(self):
        """Number of parameters per sample."""
        return len(self.identity)
