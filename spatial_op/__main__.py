"""``python -m spatial_op``: see it work (demo), that it is right (check), how fast it is (bench), and use it (warp)."""

import sys

# Packages that commands need -> the extra that brings them.
OPTIONAL = {
    "click": "demo",
    "imagecodecs": "demo",
    "matplotlib": "demo",
    "PIL": "demo",
    "skimage": "demo",
    "tifffile": "demo",
    "dask": "dask",
    "zarr": "dask",
}


def main(arguments=None):
    """Run the command line; one sentence and exit code 2 if a package it needs is missing."""
    try:
        from .cli.completion import VARIABLE
        from .cli.main import cli

        cli(arguments, complete_var=VARIABLE)
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in OPTIONAL:
            raise
        print(
            f"Error: this command needs the Python package {package}, which is not installed here; "
            f'install it with: pip install ".[{OPTIONAL[package]}]" in a checkout of spatial_op',
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
