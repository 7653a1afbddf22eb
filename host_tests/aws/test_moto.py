"""The same updates make the same shadow in moto and here."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.lab.aws import PYTHON
from tools.play.shadow import Shadow

MOTO = Path(__file__).parent / "moto_shadow.py"
SEQUENCES = 500
KEYS = "abc"


def test_shadows_are_those_of_moto() -> None:
    if not PYTHON.exists():
        pytest.fail("there is no moto in .tools; make test-aws fetches it")
    chance = random.Random(1883)
    given = [[_update(chance) for _ in range(chance.randint(1, 8))] for _ in range(SEQUENCES)]
    done = subprocess.run(
        [str(PYTHON), str(MOTO)], input="\n".join(map(json.dumps, given)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(theirs) == SEQUENCES
    for updates, told in zip(given, theirs, strict=True):
        shadow = Shadow()
        for update, after in zip(updates, told, strict=True):
            shadow.update(update)
            assert shadow.version == after["version"], updates
            assert _plain(shadow.state()) == _plain(after["state"]), updates


def _update(chance: random.Random) -> dict[str, Any]:
    parts = chance.choice((["desired"], ["reported"], ["desired", "reported"]))
    return {"state": {part: _object(chance, 3) for part in parts}}


def _object(chance: random.Random, levels: int) -> dict[str, Any]:
    return {key: _value(chance, levels) for key in KEYS if chance.random() < 0.6}


def _value(chance: random.Random, levels: int) -> Any:
    values: list[Any] = [1, 2, "x", True, [1], [1, 2], None]
    if levels and chance.random() < 0.4:
        return _object(chance, levels - 1)
    return chance.choice(values)


def _plain(value: Any) -> Any:
    """Without empty objects, which moto has in a delta where nothing differs, and keeps."""
    if not isinstance(value, dict):
        return value
    inner = {key: _plain(each) for key, each in value.items()}
    return {key: each for key, each in inner.items() if each != {}}
