"""docs/reference.md, from the docstrings of lib/mqtt; tools.docs.generated writes it.

Only the source is read; nothing is imported, so MicroPython is not needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.paths import LIB, ROOT

PAGE = ROOT / "docs" / "reference.md"

# The order in which one would read them.
CHAPTERS = {
    "Blocking programs": ("simple", "robust", "once"),
    "Programs with asyncio": (
        "client", "throttle", "stopped",
    ),
    "What both are built on": ("link", "packet"),
    "Topics and filters": ("match",),
    "What survives a power cut": ("durable",),
    "How a connection is opened": ("transport", "tls", "websocket", "stream", "serial"),
    "MQTT 5": ("v5", "properties", "auth"),
    "The engine: what no program imports": (
        "engine.base", "engine.core", "engine.connect", "engine.options", "engine.checks",
        "engine.subscribe", "engine.topic", "engine.payload", "engine.inbox", "engine.qos2",
        "engine.large", "engine.router", "engine.handover", "engine.room", "engine.words",
    ),
    "The engine: when connections end": (
        "engine.pieces", "engine.late", "engine.end", "engine.backoff", "engine.suspects",
        "engine.aside", "engine.reach",
    ),
    "The engine: on the flash, in frames, with MQTT 5": (
        "engine.journal", "engine.records", "engine.segments", "engine.survey", "engine.crc",
        "engine.frames", "engine.v5", "engine.reasons",
    ),
}  # fmt: skip

_HEAD = """\
# The MQTT client: reference

Your program needs the first two chapters, and whatever they refer to in the third. For short
programs see the [examples](examples/README.md), for a session at the REPL [repl.md](repl.md). If
you come from umqtt or mqtt_as, read [migration.md](migration.md). `make reference` writes this
page from the docstrings of `lib/mqtt`; don't edit it here.

"""
_SPECIAL = {"__aiter__": "async for ... in", "__aenter__": "async with"}
_PARAMETER = re.compile(r"([a-z_]\w*(\([^)]*\))?(=\w+)?(, [a-z_]\w*(\([^)]*\))?)*):(?= |$)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def page(folder: Path = LIB / "mqtt") -> str:
    """The text of the reference; ToolError if a module has no place in it, or no docstring."""
    placed = [name for names in CHAPTERS.values() for name in names]
    there = {_name(path, folder) for path in folder.rglob("*.py") if path.stem != "__init__"}
    if missing := sorted(there - set(placed)):
        raise ToolError(
            f"no place in the reference for {', '.join(missing)}",
            "add the module to CHAPTERS in tools/docs/reference.py",
        )
    if gone := sorted(set(placed) - there):
        raise ToolError(
            f"there is no {', '.join(gone)} in {folder}",
            "remove the module from CHAPTERS in tools/docs/reference.py",
        )
    lines: list[str] = []
    for title, names in CHAPTERS.items():
        lines += [f"- {title}: " + ", ".join(_link(f"mqtt.{name}") for name in names)]
    for title, names in CHAPTERS.items():
        lines += ["", f"# {title}"]
        for name in names:
            lines += _module(folder / f"{name.replace('.', '/')}.py", name)
    return _HEAD + "\n".join(lines) + "\n"


def _name(path: Path, folder: Path) -> str:
    """The name of a module below mqtt: "simple", "engine.core"."""
    return path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")


def _module(path: Path, name: str) -> Iterator[str]:
    tree = ast.parse(path.read_text(), str(path))
    yield from ("", f"## mqtt.{name}", "")
    doc = ast.get_docstring(tree)
    if not doc:
        raise ToolError(f"{path} has no docstring", "say at the top what it is for")
    yield from _prose(doc)
    for node in tree.body:
        if isinstance(node, Function) and _public(node.name):
            yield from _function(node, f"{path.stem}.", "###")
        elif isinstance(node, ast.ClassDef) and _public(node.name):
            yield from _class(node, path.stem)
        elif alias := _alias(node):
            yield from ("", f"`{alias[0]}` is another name for `{alias[1]}`.")


def _class(node: ast.ClassDef, module: str) -> Iterator[str]:
    methods = [item for item in node.body if isinstance(item, Function)]
    made = next((item for item in methods if item.name == "__init__"), None)
    arguments = _arguments(made, method=True) if made else ""
    yield from _heading(f"class {module}.{node.name}", f"{node.name}({arguments})", "###")
    if bases := [ast.unparse(base) for base in node.bases]:
        yield from ("", f"A `{', '.join(bases)}`, with all its methods.")
    if doc := ast.get_docstring(node):
        yield from ("", *_prose(doc))
    for item in methods:
        special = item.name in _SPECIAL and ast.get_docstring(item)
        if _public(item.name) or special:
            yield from _function(item, f"{node.name}.", "####", method=True)


def _function(node: Function, prefix: str, mark: str, method: bool = False) -> Iterator[str]:
    call = f"{node.name}({_arguments(node, method)})"
    if node.name in _SPECIAL:
        call = f"{_SPECIAL[node.name]} {prefix[:-1].lower()}"
    elif isinstance(node, ast.AsyncFunctionDef):
        call = f"await {call}"
    yield from _heading(prefix + node.name, call, mark)
    if doc := ast.get_docstring(node):
        yield from ("", *_prose(doc))


def _heading(name: str, call: str, mark: str) -> Iterator[str]:
    yield from ("", f"{mark} {_escaped(name)}", "", "```python", *_folded(call), "```")


def _folded(call: str, width: int = 95) -> list[str]:
    """A call on as many lines as it needs, split between its arguments."""
    if len(call) <= width:
        return [call]
    head, arguments = call.split("(", 1)
    lines = [f"{head}("]
    line = "   "
    for argument in re.split(r"(?<=,) (?![^(]*\))", arguments.removesuffix(")")):
        if len(line) + 1 + len(argument) > width:
            lines.append(line)
            line = "   "
        line += f" {argument}"
    return [*lines, line, ")"]


def _arguments(node: Function, method: bool) -> str:
    arguments = node.args
    if method:
        arguments.posonlyargs = []
        arguments.args = arguments.args[1:]
    return ast.unparse(arguments)


def _alias(node: ast.stmt) -> tuple[str, str] | None:
    """The two names of a statement like `MQTTException = Refused`."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
        target = node.targets[0]
        if isinstance(target, ast.Name) and _public(target.id):
            return target.id, node.value.id
    return None


def _public(name: str) -> bool:
    return not name.startswith("_")


def _prose(doc: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs, a list of what is explained by name, and tables."""
    item = False  # inside the explanation of a name
    table = False
    last = ""
    for line in doc.splitlines():
        begins = bool(found := _PARAMETER.match(line))
        if line.startswith("  "):
            if not table:
                yield from ([] if last == "" else [""])
                yield "```text"
            table, item = True, False
            yield line[2:]
            last = line
            continue
        if table:
            yield "```"
            table = False
            last = "```"
        ends = item and last.endswith(".") and line[:1].isupper()
        breaks = item and line.startswith("Raises ")
        if last and ((begins and not item) or ends or breaks):
            yield ""
        if begins and found:
            item = True
            yield f"- `{found[1]}`{_escaped(line[found.end(1) :])}"
        else:
            item = item and bool(line) and not ends and not line.startswith("Raises ")
            yield f"  {_escaped(line)}" if item else _escaped(line)
        last = line
    if table:
        yield "```"


def _escaped(text: str) -> str:
    """Text whose stars, and whose signs of HTML, are no markup; modules become links."""
    parts = re.split(r"(`[^`]*`)", text)
    for i in range(0, len(parts), 2):
        part = re.sub(r"([*<])", r"\\\1", parts[i])
        parts[i] = re.sub(r"\b(mqtt|engine)\.[a-z_0-9]+(\.\w+)*", lambda m: _link(m[0]), part)
    return "".join(parts)


def _link(name: str) -> str:
    """A link to the module that a name begins with: mqtt.simple, engine.core.Core."""
    known = {module for names in CHAPTERS.values() for module in names}
    parts = name.removeprefix("mqtt.").split(".")
    for module in (".".join(parts[:2]), parts[0]):
        if module in known:
            return f"[{name}](#mqtt{module.replace('.', '')})"
    return name


def pages() -> dict[Path, str]:
    """The one page, by its path."""
    return {PAGE: page()}
