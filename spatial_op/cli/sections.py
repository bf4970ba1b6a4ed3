"""Help in sections: an option says to which it belongs."""

import click

# The section of options that every command has.
REST = "Other options"


class Option(click.Option):
    """An option of a section of the help."""

    def __init__(self, *args, section, **kwargs):
        super().__init__(*args, **kwargs)
        self.section = section

    def get_help_extra(self, ctx):
        """Without ranges in symbols: an error says them in words."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class Command(click.Command):
    """A command whose help lists options by section, in the order in which these first come."""

    def format_options(self, ctx, formatter):
        """Write the sections."""
        sections = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "section", REST), []).append(record)
        width = max(len(name) for records in sections.values() for name, _ in records)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), words) for name, words in records], col_max=width)


def option(section, *args, **kwargs):
    """An option of a section."""
    return click.option(*args, cls=Option, section=section, **kwargs)
