"""The results as docs/interop.md shows them: a table per version, brokers side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from host_tests.interop import checks5
from host_tests.interop.checks import CHECKS
from host_tests.interop.device import CLIENTS, PROTOCOLS
from host_tests.interop.verdict import Verdict

HEAD = """# Interoperability

`make interop` runs every check below with both of Petrel's clients inside MicroPython
({clients}) against real brokers on one computer, and writes this page;
don't edit it here. The other side of each check is an independent client, paho. A cell has one
word if both clients agree:

- **yes**: it works
- **no**: the broker does less, as the notes say; paho in Petrel's place hit the same limit
- **n/a**: the protocol version has no such thing, or the broker is not set up for it
- **not yet**: Petrel doesn't have it, and it doesn't count as passed
- **FAIL**: it should work and doesn't
"""


@dataclass
class Column:
    """What came of one broker: verdicts by protocol, check and client; `missing`: why none."""

    title: str
    version: str = ""
    missing: str = ""
    verdicts: dict[tuple[str, str, str], Verdict] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The broker with its version, if that is known."""
        return f"{self.title} {self.version}".strip()

    def cell(self, protocol: str, check: str) -> str:
        """The words of both clients."""
        words = {kind: self.word(protocol, check, kind) for kind in CLIENTS}
        if len(set(words.values())) == 1:
            return next(iter(words.values()))
        return ", ".join(f"{kind}: {word}" for kind, word in words.items())

    def word(self, protocol: str, check: str, kind: str) -> str:
        """The word of one client, in bold where it should be noticed."""
        verdict = self.verdicts.get((protocol, check, kind))
        if verdict is None:
            return "**not tried**"
        return f"**{verdict.word}**" if verdict.failed else verdict.word

    def notes(self) -> Iterable[str]:
        """Why not everything is a yes, each reason once, with all it is the reason of."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for (protocol, check, _), verdict in self.verdicts.items():
            if verdict.why and verdict.word in ("no", "FAIL"):
                where = f"{title_of(check)} ({protocol})"
                places = reasons.setdefault((verdict.word, verdict.why), [])
                if where not in places:
                    places.append(where)
        for (word, why), places in reasons.items():
            shown = "everything" if len(places) >= len(CHECKS) - 1 else "; ".join(places)
            yield f"- {self.name}, {word}: {shown}: {why}"


def title_of(check: str) -> str:
    """How a check is called in print: its docstring."""
    return next(str(function.__doc__) for function in CHECKS if function.__name__ == check)


def text(columns: list[Column]) -> str:
    """The whole page."""
    clients = ", ".join(f"{kind}: {bits} bit" for kind, (bits, _) in CLIENTS.items())
    lines = [HEAD.format(clients=clients)]
    lost = [column for column in columns if column.missing]
    for column in lost:
        lines.append(f"**{column.name} could not be had: {column.missing}**\n")
    for protocol in PROTOCOLS:
        titles = [column.name for column in columns]
        lines += [f"## MQTT {protocol}\n", f"| | {' | '.join(titles)} |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        for check in CHECKS:
            if check in checks5.CHECKS and protocol != "5":
                continue
            cells = [column.cell(protocol, check.__name__) for column in columns]
            lines.append(f"| {check.__doc__} | {' | '.join(cells)} |")
        lines.append("")
    notes = [note for column in columns for note in column.notes()]
    if notes:
        lines += ["## Notes\n", *notes, ""]
    return "\n".join(lines)
