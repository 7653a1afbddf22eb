"""The MQTT clients stay within tools/lab/bench/budgets.py's limits; only what is exact is held.

A limit that is missed: see what the change has cost (`make bench`), and give it back. A limit that
is far above what was measured: lower it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lab.bench import exact, report
from tools.lab.bench.budgets import BUDGETS, Budget
from tools.lab.bench.exact import Subject
from tools.lab.bench.figures import CLIENTS, EXACT, KEYS, KINDS, SPEEDS, Kind, empty
from tools.lab.bench.place import PinnedBroker, Place
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import NO_32

HELD = [(kind, key) for kind in CLIENTS for key in EXACT]
without_32 = pytest.mark.skipif(NO_32.exists(), reason="RAM is measured on 32 bit")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with PinnedBroker() as broker:
        yield broker


@without_32
@pytest.mark.parametrize(("kind", "key"), HELD, ids=[f"{kind}-{key}" for kind, key in HELD])
def test_a_client_stays_within_its_limit(
    place: Place, broker: Broker, kind: Kind, key: str
) -> None:
    limit, value = BUDGETS[kind][key].limit, exact.MEASURES[key](Subject(place, broker, kind))
    assert limit is not None
    assert value is not None
    assert value <= limit, f"{kind} {key}: {value:,.0f}, of at most {limit:,.0f}"


@without_32
@pytest.mark.parametrize("kind", CLIENTS)
def test_what_a_client_loads_is_found_by_using_it(
    place: Place, broker: Broker, kind: Kind
) -> None:
    names = exact.loaded(place, broker, kind)
    entry = {Kind.BLOCKING: "mqtt.simple", Kind.ASYNCIO: "mqtt.client"}[kind]
    assert {entry, "mqtt.engine.core", "mqtt.transport"} <= set(names)
    assert not {"mqtt.tls", "raw_socket", "meter", "__main__"} & set(names)


@without_32
def test_the_floor_allocates_nothing(place: Place, broker: Broker) -> None:
    """What the meters show is the client's alone."""
    raw = Subject(place, broker, Kind.RAW)
    keys = [key for key in EXACT if key.startswith("alloc")]
    assert len(keys) == 4
    assert {key: exact.MEASURES[key](raw) for key in keys} == dict.fromkeys(keys, 0)


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_figure_has_a_budget_and_only_exact_ones_a_limit(kind: Kind) -> None:
    assert tuple(BUDGETS[kind]) == KEYS
    assert tuple(key for key in KEYS if BUDGETS[kind][key].limit is not None) == EXACT
    assert tuple(exact.MEASURES) == EXACT
    assert all(BUDGETS[kind][key].at_least == (key in SPEEDS) for key in KEYS)


def test_a_budget_of_the_floor_is_a_part_of_it() -> None:
    budget = Budget(0.5, of_raw=True, at_least=True)
    assert budget.met(50, raw=100)
    assert not budget.met(49, raw=100)


def test_the_json_has_the_same_keys_for_all(tmp_path: Path) -> None:
    figures = {kind: empty() for kind in KINDS}
    figures[Kind.RAW]["qos1_s"] = 16_000.04
    report.write_json(tmp_path / "bench.json", figures)
    data = json.loads((tmp_path / "bench.json").read_text())
    assert set(data) == {"blocking", "asyncio", "raw"}
    assert all(tuple(data[name]) == KEYS for name in data)
    assert data["raw"]["qos1_s"] == 16_000
    assert data["blocking"]["instructions_qos1"] is None


def test_the_table_of_the_docs_is_written_between_its_marks(tmp_path: Path) -> None:
    docs = tmp_path / "bench.md"
    docs.write_text(f"above\n{report.BEGIN}\nold\n{report.END}\nbelow\n")
    report.write_docs(docs, "new")
    report.write_docs(docs, "newer")
    assert docs.read_text() == f"above\n{report.BEGIN}\n\nnewer\n\n{report.END}\nbelow\n"


def test_docs_without_marks_are_left_alone(tmp_path: Path) -> None:
    docs = tmp_path / "bench.md"
    docs.write_text("mine")
    with pytest.raises(ToolError, match=r"bench\.md has lost its marks"):
        report.write_docs(docs, "new")
    assert docs.read_text() == "mine"


def test_a_program_that_fails_is_reported_with_its_last_words(place: Place) -> None:
    with pytest.raises(ToolError, match="no module named 'absent'"):
        place.run(place.command("64", "ram_import", "absent"))
