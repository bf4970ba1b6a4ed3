"""Profiles and marks shared by all tests."""

from hypothesis import HealthCheck, settings

# Compiling on the first example would break any deadline; a failing example prints how to run it again.
settings.register_profile(
    "tests", deadline=None, print_blob=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
