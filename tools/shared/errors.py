"""The one error that a user is meant to see."""

from __future__ import annotations


class ToolError(Exception):
    """Something failed that the user can fix: `message` says what, `hint` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message
