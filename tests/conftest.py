"""Profiles and marks shared by all tests."""

import pathlib
import sys

from hypothesis import HealthCheck, settings

# The oracle lies beside the package and is not installed.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

# Compiling on the first example would break any deadline; a failing example prints how to run it again.
settings.register_profile(
    "tests", deadline=None, print_blob=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
