"""Profiles shared by all tests, and the tables that they print."""

from hypothesis import HealthCheck, settings

# Compiling on the first example would break any deadline; a failing example prints how to run it again.
settings.register_profile(
    "tests", deadline=None, print_blob=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


def pytest_addoption(parser):
    """How long the fuzzer runs, and where it begins."""
    parser.addoption("--fuzz-minutes", type=float, default=0.5, help="minutes of random calls (default: 0.5)")
    parser.addoption("--fuzz-seed", type=int, default=0, help="another seed makes other calls (default: 0)")


def pytest_terminal_summary(terminalreporter):
    """Print the rows that tests recorded by ``record_property("table", (title, header, row))``, one table per title.

    The rows travel with the reports, so they arrive from other processes too.
    """
    tables = {}
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "table":
                title, header, row = value
                tables.setdefault(title, [header]).append(row)
    for title, rows in tables.items():
        terminalreporter.section(title)
        widths = [max(map(len, column)) for column in zip(*rows)]
        for first, *others in rows:
            cells = (cell.rjust(width) for cell, width in zip(others, widths[1:]))
            terminalreporter.write_line("  ".join([first.ljust(widths[0]), *cells]))
