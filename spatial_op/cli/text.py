"""Printing: tables with aligned columns."""

import click


def table(rows, left=1, gap=2, indent=2, least=()):
    """Lines of text with aligned columns, the first ``left`` of them flush left; None is an empty cell.

    ``least`` are widths that the first columns have at least, which aligns them with those of other tables.
    """
    rows = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    widths[: len(least)] = map(max, widths, least)
    for row in rows:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths))
        ]
        yield (" " * indent + (" " * gap).join(cells)).rstrip()


def show(rows, **options):
    """Print a table."""
    for line in table(rows, **options):
        click.echo(line)


def small(number):
    """A difference, in one or two digits."""
    return f"{number:.1e}" if number else "0"
