"""docs/conformance.md against the tests that name a statement."""

from __future__ import annotations

from pathlib import Path

from tools.lab.conformance import PAGE, faults, named_in_tests, page
from tools.lab.statements import MQTT_3_1_1


def test_every_statement_has_a_test_or_a_reason() -> None:
    assert faults(named_in_tests()) == []


def test_the_page_is_current_and_all_is_well() -> None:
    assert PAGE.read_text() == page(named_in_tests()), "make conformance"


def test_a_test_names_a_statement_by_its_id(tmp_path: Path) -> None:
    text = (
        "def test_this():\n"
        '    """<MQTT-2.3.1-2>, <MQTT5-4.4.0-1>"""\n'
        "    # <MQTT-2.3.1-2> again\n"
        "def helper():\n"
        "    # <MQTT-2.3.1-3>\n"
        "    pass\n"
    )
    (tmp_path / "test_it.py").write_text(text.replace("<", "[").replace(">", "]"))
    found = named_in_tests(tmp_path)
    assert found == {
        "MQTT-2.3.1-2": ["test_it.py::test_this"],
        "MQTT5-4.4.0-1": ["test_it.py::test_this"],
    }
    wrong = faults(found)
    assert "MQTT-2.3.1-3: no test names it" in wrong
    assert not [each for each in wrong if each.startswith("MQTT-2.3.1-2:")]
    odd = faults({"MQTT-9.9.9-9": ["test_it.py::test_this"]})
    assert "MQTT-9.9.9-9: no such statement; named by test_it.py::test_this" in odd


def test_what_fails_is_seen_on_the_page() -> None:
    name = "conformance/test_packets.py::test_qos_3_is_not_taken"
    shown = page({next(iter(MQTT_3_1_1)): [name]}, {name: "**fails**"})
    assert f"`{name}` | **fails** |" in shown
