"""A group of commands whose list says of each what it does in a whole sentence."""

import click


class WholeHelp(click.Group):
    """Lists each command with its first sentence, however long."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list, wrapped and not cut."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(limit=400)) for name, command in found if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
