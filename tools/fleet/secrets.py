"""Where the passwords of a fleet come from: secrets.toml, the environment, or a command.

    wifi_password = "as it is"
    mqtt_password = {env = "MQTT_PASSWORD"}
    command_secret = {command = "pass show petrel/commands"}

A secret is a str that knows its name, so that whatever it gets into can be shown without it. No
error here has a value in it.
"""

from __future__ import annotations

import difflib
import os
import shlex
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tools.shared.errors import ToolError

COMMAND_S = 60  # what a command gets; it may ask for a passphrase
_DEEPEST = 4  # tables within tables


class Secret(str):
    """A text that is not to be shown. name: of the secret in it."""

    name: str

    def __new__(cls, text: str, name: str) -> Secret:
        made = super().__new__(cls, text)
        made.name = name
        return made

    def __repr__(self) -> str:
        return f"<the secret {self.name}>"


class Secrets:
    """The secrets of a file, each looked up when it is needed, once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Secret] = {}
        self._said = self._load() if path.exists() else None

    def get(self, name: str) -> Secret:
        """The secret with that name; `site.wifi` is `wifi` in the table `site`."""
        if name not in self._known:
            self._known[name] = Secret(self._find(name), name)
        return self._known[name]

    def _load(self) -> dict[str, Any]:
        try:
            said = tomllib.loads(self._path.read_text("utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            where = str(error).partition("(")[2]  # not what stands there
            raise ToolError(
                f"{self._path}: this is not TOML ({where or 'not UTF-8)'}",
                'A line is: name = "the secret"',
            ) from None
        if _literal(said):
            mode = stat.S_IMODE(self._path.stat().st_mode)
            if mode & 0o077:
                raise ToolError(
                    f"others can read {self._path} (mode {mode:03o})",
                    f"Run: chmod 600 {self._path}",
                )
            self._not_for_git()
        return said

    def _find(self, name: str) -> str:
        if self._said is None:
            raise ToolError(
                f"there is no {self._path}, and the secret {name!r} is needed",
                f'Write a line into it: {name} = "...", and run chmod 600 {self._path}',
            )
        value: Any = self._said
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str):
            return self._filled(name, value)
        if isinstance(value, dict) and len(value) == 1:
            ((how, what),) = value.items()
            if how == "env" and isinstance(what, str):
                return self._from_environment(name, what)
            if how == "command":
                return self._from_command(name, what)
        if value is None:
            close = difflib.get_close_matches(name, self._said, 1)
            raise ToolError(
                f"{self._path} has no secret {name!r}",
                f"Did you mean {close[0]!r}?" if close else f'Add a line: {name} = "..."',
            )
        raise ToolError(
            f"{self._path}: {name} is not a secret",
            'It must be a text in quotes, {env = "NAME"} or {command = "..."}.',
        )

    def _from_environment(self, name: str, variable: str) -> str:
        if variable not in os.environ:
            raise ToolError(
                f"the environment has no {variable}, where the secret {name!r} comes from",
                f"Set it, or change {name} in {self._path}.",
            )
        return self._filled(name, os.environ[variable])

    def _from_command(self, name: str, what: Any) -> str:
        words = shlex.split(what) if isinstance(what, str) else what
        texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not words or not texts:
            raise ToolError(f"{self._path}: {name}.command is not a command", "Give a text.")
        try:
            done = subprocess.run(
                words, stdout=subprocess.PIPE, text=True, timeout=COMMAND_S, cwd=self._path.parent
            )
        except FileNotFoundError:
            raise ToolError(
                f"the secret {name!r}: there is no program {words[0]!r}",
                f"Install it, or change {name} in {self._path}.",
            ) from None
        except (subprocess.TimeoutExpired, UnicodeDecodeError, OSError):
            raise ToolError(
                f"the secret {name!r}: {words[0]} gave none within {COMMAND_S} s",
                "Run the command by itself, to see what it asks for.",
            ) from None
        if done.returncode:
            raise ToolError(
                f"the secret {name!r}: {words[0]} ended with status {done.returncode}",
                "Run the command by itself, to see why.",
            )
        return self._filled(name, done.stdout.partition("\n")[0])

    def _filled(self, name: str, text: str) -> str:
        if not text:
            raise ToolError(f"the secret {name!r} is empty", f"See {name} in {self._path}.")
        return text

    def _not_for_git(self) -> None:
        """Raise ToolError if the next commit might take the file along."""
        path = self._path.resolve()
        if not any((folder / ".git").exists() for folder in path.parents):
            return
        try:
            done = subprocess.run(
                ["git", "check-ignore", "-q", path.name], cwd=path.parent, capture_output=True
            )
        except FileNotFoundError:
            return
        if done.returncode == 1:
            raise ToolError(
                f"{self._path} is in a git work tree that doesn't ignore it",
                f"Run: echo {path.name} >> {self._path.parent / '.gitignore'}",
            )


def _literal(said: Any, depth: int = 0) -> bool:
    """Whether a file has a secret itself, not only where to find one."""
    if not isinstance(said, dict) or depth > _DEEPEST:
        return isinstance(said, str)
    if len(said) == 1 and {*said} <= {"env", "command"}:
        return any(isinstance(each, dict) for each in said.values())
    return any(_literal(each, depth + 1) for each in said.values())
