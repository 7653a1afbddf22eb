"""Compiles a node's rules into a file, see node.config.making_rules. Needed once, then forgotten.

The file has a line with the mark of what it was made from; one with the names, the size of the
memory, the place or null, and which rules are off; then one for each rule, as node.rules.engine
wants it.
"""

import json

from node.rules.parse import Parser

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_FILE = "rules.txt"


def compile(node, config, said, mark):
    """Write the file.

    A config that wasn't checked, on a board with little flash, may have a rule that is wrong: that
    is told, and the others work.
    """
    names: "list[Any]" = []
    memory: "list[Any]" = []
    made = []
    off = 0
    timed = False
    for i, entry in enumerate(said):
        name = str(i + 1)
        try:
            name = entry.get("name", name)
            parser = Parser(entry["when"], names, memory)
            rule = (
                parser.program, parser.first, _acts(node, entry.get("else", ())),
                _acts(node, entry.get("then", ())), entry.get("pause", 0), entry.get("again", 0),
                entry.get("alarm"), name,
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            node.failed("rule " + name, error)
            continue
        off |= bool(entry.get("off")) << len(made)
        timed = timed or parser.timed
        made.append(json.dumps(rule))
    where = config.get("place", {})
    place = [where.get("zone", "UTC0"), where.get("latitude", 0), where.get("longitude", 0)]
    with open(_FILE, "w") as file:
        file.write(mark + "\n")
        file.write(json.dumps([names, len(memory), place if timed else None, off]) + "\n")
        for line in made:
            file.write(line + "\n")


def _acts(node, said):
    """Return acts as lists: the name of an output, its value, and the seconds until it ends."""
    acts = []
    for act in (said,) if isinstance(said, dict) else said:
        if act["set"] not in [sensor.name for sensor in node.sensors]:
            raise ValueError("there is no output %r" % act["set"])
        acts.append([act["set"], act["value"], act.get("for", 0)])
    return acts
