"""A command of petrel run in this process: what it prints, or the error that a user would see."""

from __future__ import annotations

import click
from click.testing import CliRunner, Result

from tools.shared.errors import ToolError


class Command:
    """A command. hidden: what it may never print."""

    def __init__(self, command: click.Command, hidden: str = "") -> None:
        self._command = command
        self._hidden = hidden

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run it; what is wrong is in the result's exception."""
        result = CliRunner().invoke(self._command, arguments, input=typed)
        if self._hidden:
            assert self._hidden not in result.output + str(result.exception)
        return result

    def said(self, *arguments: str, typed: str = "") -> str:
        """What it prints, if all goes well."""
        result = self.run(*arguments, typed=typed)
        assert result.exception is None, f"{result.output}{result.exception}"
        return result.output

    def refused(self, *arguments: str) -> str:
        """What it prints, and both lines of the error."""
        result = self.run(*arguments)
        assert isinstance(result.exception, ToolError), result.output
        return f"{result.output}{result.exception}"
