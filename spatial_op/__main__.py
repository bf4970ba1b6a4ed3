"""``python -m spatial_op``: see it work (demo), see that it is right (check), see how fast it is (bench)."""

import sys

OPTIONAL = ("click", "matplotlib", "PIL", "skimage")


def main(arguments=None):
    """Run the command line; one sentence and exit code 2 if a package it needs is missing."""
    try:
        from .cli.main import cli

        cli(arguments, prog_name="python -m spatial_op")
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in OPTIONAL:
            raise
        print(
            f"Error: this command needs the Python package {package}, which is not installed here; "
            'install it with: pip install "spatial-op[demo]"',
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
