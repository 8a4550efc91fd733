"""A group of commands that knows what was meant by a mistyped one.

Boundary: click's resolving of a name; imports no command.
"""

from __future__ import annotations

import click


class SuggestingGroup(click.Group):
    """Says `did you mean` where click says only that there is no such command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, with what was meant. Raises UsageError."""
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            ctx.fail(f"there is no {ctx.command_path} {name}{self._meant(ctx, name)}")
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

        near = get_close_matches(name, self.list_commands(ctx), 2)
        return f"; did you mean {' or '.join(near)}?" if near else ""
