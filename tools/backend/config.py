"""The back end's config: one TOML file. Everything in it has a default."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from tools.shared.errors import ToolError

DEFAULT_FILE = "collector.toml"  # where one looks for a config if none is named
MOST_DAYS = 36_500
MOST_HOSTS = 8
LONGEST_HOST = 256

Name = Annotated[str, Field(min_length=1, max_length=256)]
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class Section(BaseModel):
    """A table of the file; a key that it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSection(Section):
    """Where the messages come from."""

    host: str | list[str] = "127.0.0.1:1883"  # several: those of a cluster, tried in turn
    user: str = ""  # its password comes from PETREL_PASSWORD
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    client_id: Name = "petrel-collector"  # of its session: each collector needs its own
    start: bool = True  # a broker on this computer, if none answers there
    lan: bool = False  # let boards in the network connect to that one; it asks for no password

    @property
    def hosts(self) -> list[str]:
        """The brokers, as a list."""
        return [self.host] if isinstance(self.host, str) else self.host

    @field_validator("host", mode="plain")
    @classmethod
    def _are_hosts(cls, given: Any) -> str | list[str]:
        hosts = [given] if isinstance(given, str) else given
        if not isinstance(hosts, list) or not 0 < len(hosts) <= MOST_HOSTS:
            raise ValueError(f"must be NAME or NAME:PORT, or a list of up to {MOST_HOSTS} of them")
        for host in hosts:
            if not isinstance(host, str) or not 0 < len(host) <= LONGEST_HOST:
                raise ValueError(f"must have NAME or NAME:PORT, not {host!r}")
        return given if isinstance(given, str) else hosts


class MappingSection(Section):
    """How messages of other publishers become readings."""

    filter: Name
    node: Name  # {0}, {1}, ...: the levels of the topic
    sensor: Name  # the same, and {key}: the name of a value in JSON
    format: Literal["value", "json"] = "value"
    keys: list[str] = []  # which values of the JSON; none: all numbers, switches and texts
    time: str = ""  # the key of the time in the JSON: seconds or ms since 1970, or ISO 8601
    unit: str = ""
    units: dict[str, str] = {}  # by key

    @field_validator("filter")
    @classmethod
    def _is_a_filter(cls, text: str) -> str:
        return checked_filter(text)

    @field_validator("node", "sensor")
    @classmethod
    def _names_levels(cls, text: str) -> str:
        try:
            text.format(*range(64), key="")
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            raise ValueError("must name levels of the topic as {0}, {1}, or {key}") from error
        return text


class TopicsSection(Section):
    """What is subscribed to."""

    base: list[Name] = ["petrel"]  # as in the config of the nodes

    @field_validator("base")
    @classmethod
    def _are_topics(cls, bases: list[str]) -> list[str]:
        for base in bases:
            if "+" in base or "#" in base or base.startswith(("/", "$")) or base.endswith("/"):
                raise ValueError(
                    "must be like petrel or home/petrel, without + # or a / at an end"
                )
        return bases


class DatabaseSection(Section):
    """Where readings are stored."""

    url: Name = "sqlite:///collector.db"
    batch: Annotated[int, Field(ge=1, le=20_000)] = 2000  # messages of a transaction, at most
    queue: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000  # messages that may wait
    queue_mb: Annotated[int, Field(ge=1, le=4096)] = 32  # the same, in MB of payload


class RetentionSection(Section):
    """How long what is kept, in days; 0: forever."""

    readings_days: Days = 0
    hourly_days: Days = 0
    daily_days: Days = 0
    history_days: Days = 90  # diagnostics, log, commands and replies
    unreadable: Annotated[int, Field(ge=0, le=10_000_000)] = 10_000  # messages


class WebSection(Section):
    """The page and the API."""

    on: bool = True
    host: Name = "127.0.0.1"  # 0.0.0.0: everybody in the network reaches it
    port: Annotated[int, Field(ge=0, le=65535)] = 8080  # 0: any that is free
    cert: Path | None = None  # PEM; with it the page speaks TLS
    key: Path | None = None
    proxy: bool = False  # a reverse proxy on this machine stands before it and speaks TLS
    secrets: dict[str, SecretStr] = {}  # commands.secret of nodes; "*": of all others


class AlarmsSection(Section):
    """When somebody is told."""

    on: bool = True
    file: Path = Path("alarms.toml")


class UpdatesSection(Section):
    """The releases that nodes and the page get here."""

    folder: Path | None = None  # that of `petrel release sign`; none: none are served


class BackendConfig(Section):
    """The whole file."""

    broker: BrokerSection = BrokerSection()
    topics: TopicsSection = TopicsSection()
    mapping: list[MappingSection] = []
    database: DatabaseSection = DatabaseSection()
    retention: RetentionSection = RetentionSection()
    web: WebSection = WebSection()
    alarms: AlarmsSection = AlarmsSection()
    updates: UpdatesSection = UpdatesSection()


def load(path: Path | None) -> BackendConfig:
    """Read a config; without one, collector.toml of this folder if there is one, else defaults.

    Raises ToolError that names the file, the key, the value and what it may be.
    """
    if path is None:
        path = Path(DEFAULT_FILE)
        if not path.exists():
            return BackendConfig()
    try:
        given = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: {error}", "Correct that line; it must be TOML.") from error
    try:
        return BackendConfig.model_validate(given)
    except ValidationError as error:
        faults = [f"{path}: {_fault(each)}" for each in error.errors()]
        raise ToolError("\n  ".join(faults), "See docs/backend.md for all keys.") from error


def is_here(host: str) -> bool:
    """True for a name or an address that only this computer reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_filter(text: str) -> str:
    """The text, if it is a topic filter; raises ValueError."""
    levels = text.split("/")
    for number, level in enumerate(levels):
        last = number == len(levels) - 1
        if ("#" in level and (level != "#" or not last)) or ("+" in level and level != "+"):
            raise ValueError("must be a topic filter: + for one level, # for all that follow")
    return text


def _fault(error: Any) -> str:
    """One fault, with its place, its value and its limit."""
    place = ""
    for part in error["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    place = place.removeprefix(".")
    if error["type"] == "extra_forbidden":
        return f"there is no key {place}"
    if error["type"] == "missing":
        return f"{place} is missing"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = message.replace("should be", "must be").replace("should have", "must have")
    if error["type"] == "list_type":
        message = "must be a list, [...]"
    elif error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "must be a table"
    value = repr(error["input"])
    return f"{place} is {value if len(value) < 60 else value[:57] + '...'}; it {_must(message)}"


def _must(message: str) -> str:
    message = message[:1].lower() + message[1:]
    for start in ("string must ", "list must ", "must "):
        if message.startswith(start):
            return "must " + message.removeprefix(start)
    return f"must be otherwise: {message}"
