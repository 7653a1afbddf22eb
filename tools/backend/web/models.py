"""What the API takes and answers. All times are in ms since 1970, in UTC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["viewer", "operator", "admin"]
Text = Annotated[str, Field(max_length=400)]


class Taken(BaseModel):
    """The body of a request; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Node(BaseModel):
    """A node as it is known from its status and its diagnostics."""

    name: str
    base: str
    state: str = Field(description="online, offline, or empty if the node has never said")
    state_at: int | None = Field(description="since when")
    first_seen: int
    seen: int = Field(description="when its last message arrived")
    version: str | None
    board: str | None
    mode: str | None = Field(description="normal or safe")
    signal: float | None = Field(description="Wi-Fi signal in dBm")
    waiting: int | None = Field(description="readings that wait in the node")
    lost: int | None = Field(description="messages that the node could not keep")
    refused: int | None = Field(description="readings that found no room in the node")
    uptime: float | None = Field(description="seconds")
    sensors: int = Field(description="how many it has")
    alarms: int = Field(default=0, description="how many stand")


class Sensor(BaseModel):
    """A sensor, or one field of it, with its newest reading."""

    id: str = Field(description="node/sensor, as the other calls take it")
    name: str
    unit: str
    kind: str = Field(description="number, switch or text")
    time: int | None
    value: float | None
    text: str | None
    output: bool = Field(description="whether a command has set it: it can be switched")


class NodeDetail(Node):
    """A node with all that is known of it."""

    diagnostics: dict[str, Any] | None
    diagnostics_at: int | None
    readings: list[Sensor]


class SensorName(BaseModel):
    """A sensor, for a list to choose from."""

    id: str
    node: str
    name: str
    unit: str
    kind: str


class Series(BaseModel):
    """A sensor over a time: readings, or roll-ups. A value of null is a gap."""

    sensor: str
    unit: str
    kind: str
    size: int = Field(description="0: readings; else the ms that each point is a roll-up of")
    time: list[int]
    value: list[float | None] = Field(description="the reading, or the mean")
    low: list[float | None] = Field(description="of roll-ups only")
    high: list[float | None]


class Entry(BaseModel):
    """A line of the log."""

    at: int
    node: str | None
    level: Literal["info", "warning", "error"]
    text: str
    by: str = Field(default="", description="the user, if it is what a user did")


class Reply(BaseModel):
    """What a node answered to a command."""

    ok: bool | None = Field(description="null if the reply doesn't say")
    reply: Any


class Command(Taken):
    """A command's payload: text, or whatever JSON it takes."""

    payload: Any = ""
    wait: Annotated[float, Field(gt=0, le=60)] = 10


class Alarm(BaseModel):
    """An alarm that stands."""

    rule: str
    subject: str = Field(description="node/sensor, or a node")
    since: int
    text: str
    acknowledged: str = Field(description="by whom; empty if nobody has")
    told: bool = Field(description="whether somebody was notified")


class AlarmEvent(BaseModel):
    """What happened to an alarm."""

    at: int
    rule: str
    subject: str
    kind: str
    text: str
    by: str


class Notice(BaseModel):
    """A notification."""

    at: int
    target: str
    title: str
    body: str
    sent: int | None
    tries: int
    error: str


class AlarmRule(BaseModel):
    """A rule."""

    name: str
    on: Literal["sensor", "node"]
    target: str
    words: str = Field(description="its condition as a person says it")
    notify: list[str] | None = Field(description="who is told; null: everybody there is")
    text: str
    origin: Literal["file", "page"]
    enabled: bool
    muted: int = Field(description="until when; 0 if it isn't")
    source: dict[str, Any] = Field(description="its keys, as in the file")


class AlarmRules(BaseModel):
    """All rules, who can be told, and what is wrong with the file."""

    rules: list[AlarmRule]
    targets: list[str]
    error: str


class Which(Taken):
    """An alarm."""

    rule: Text
    subject: Text = ""


class Mute(Which):
    """How long nobody is to be told of it; 0 ends that."""

    seconds: Annotated[float, Field(ge=0, le=366 * 86400)]


class Enabled(Taken):
    """Whether a rule is in use."""

    enabled: bool


class Me(BaseModel):
    """Who asks."""

    name: str
    role: Role


class User(BaseModel):
    """A user of the page."""

    name: str
    role: Role
    created: int


class NewUser(Taken):
    """A user to be made."""

    name: Text
    password: Text
    role: Role


class NewRole(Taken):
    """Another role."""

    role: Role


class NewPassword(Taken):
    """Another password; `old` is needed for one's own."""

    password: Text
    old: Text = ""


class Token(BaseModel):
    """A token of a program, without its secret."""

    id: int
    user: str
    name: str
    role: Role
    created: int
    used: int | None


class NewToken(Taken):
    """A token to be made."""

    name: Text
    role: Role


class MadeToken(BaseModel):
    """A new token. This is the only time that it is shown."""

    token: str


class Unreadable(BaseModel):
    """A message that was no reading and nothing else that is known."""

    at: int
    topic: str
    payload: str = Field(description="the beginning of it")
    size: int
    reason: str


class Problem(BaseModel):
    """Why something was refused, and what to do."""

    detail: Any


class Rollout(BaseModel):
    """A release on its way to nodes."""

    id: int
    base: str
    serial: int
    version: str
    state: str = Field(description="running, stopping, interrupted, stopped or done")
    stage: int = Field(description="which of the stages it is in, from 1")
    stages: list[int] = Field(description="how many nodes have the release after each")
    window: str = Field(description="the time of the day in which nodes are offered it")
    counts: dict[str, int] = Field(description="how many nodes are in which phase")
    silent: int = Field(description="how many nodes are offline, or were never heard")
    stopped: str = Field(description="why it was stopped; empty if it was not")
    stop: str = Field(description="who asked on the page to stop it; empty if nobody did")
    began: int
    seen: int = Field(description="when the command that runs it said so last")
    runner: str = Field(description="who runs that command, and where")


class Release(BaseModel):
    """A release for a board, which the collector serves."""

    serial: int
    board: str
    version: str
    files: int
    size: int = Field(description="bytes of all its files")
    mpy: int = Field(description="the version of its .mpy files")
    key: str = Field(description="the id of the key that signed it")
    downgrade: int | None = Field(
        description="nodes up to this serial take it although their own is higher"
    )


class RolloutNode(BaseModel):
    """A node of a rollout."""

    name: str
    phase: str = Field(
        description="offered, watched, healthy, failed, returning, back or stuck; empty: not yet"
    )
    words: str
    serial: int = Field(description="of the release that it runs; 0 if that isn't known")
    silent: bool = Field(description="whether it is offline, or was never heard")


class RolloutEvent(BaseModel):
    """What happened in a rollout, and who did it or ran the command that did."""

    at: int
    by: str
    node: str
    text: str


class RolloutDetail(Rollout):
    """A rollout with its nodes, and the newest of what happened."""

    nodes: list[RolloutNode]
    events: list[RolloutEvent]
