"""The files of docs/recipes: what the dashboard asks, what the others say.

Grafana, Telegraf and Docker can't be had here. So the dashboard's queries are run as Grafana
would, by the user that docs/growing.md makes; the other files are read as far as they concern us.
Node-RED's flow is run by host_tests/nodered.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tools.backend import jobs
from tools.backend import tables as t
from tools.backend.config import RetentionSection, load
from tools.backend.messages import parse
from tools.backend.queries import now_ms
from tools.backend.store import Store
from tools.shared.paths import ROOT

RECIPES = ROOT / "docs" / "recipes"
DASHBOARD: dict[str, Any] = json.loads((RECIPES / "grafana-dashboard.json").read_text())
COMPOSE = (RECIPES / "compose.yaml").read_text()
GROWING = (ROOT / "docs" / "growing.md").read_text()
VALUE = 21.5


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database of PostgreSQL."""
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
def grafana(engine: sa.Engine) -> sa.Engine:
    """The database with readings of the last three days, and with the page's user for Grafana."""
    # The dashboard asks in whole seconds: what is of the second that runs is not in its span yet.
    now = now_ms() - 1_000
    items = []
    for hour in range(72):
        at = now - hour * t.HOUR_MS
        content = {"value": VALUE, "unit": "C", "seq": 100 - hour, "boot": 7, "time": at // 1000}
        payload = json.dumps(content).encode()
        items.append(parse("petrel/o'hara/air/temperature", payload, now, "petrel"))
    items.append(parse("petrel/o'hara/status", b"online", now, "petrel"))
    Store(engine).write(items)
    jobs.run(engine, RetentionSection(), now)
    (grants,) = (sql for sql in re.findall(r"```sql\n(.*?)```", GROWING, re.DOTALL)
                 if "CREATE ROLE" in sql)  # fmt: skip
    with engine.begin() as connection:
        # PostgreSQL's roles are those of all its databases.
        if connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = 'grafana'").first():
            grants = grants[grants.index("GRANT") :]
        connection.exec_driver_sql(grants)
    return engine


def asked(engine: sa.Engine, sql: str, hours: float) -> list[Any]:
    """What a query of the dashboard finds in the last hours, by the user for Grafana."""
    now = now_ms() // 1000
    macros = {
        "$__unixEpochFrom()": str(now - round(hours * 3600)),
        "$__unixEpochTo()": str(now),
        "${node:sqlstring}": "'o''hara'",
        "${sensor:sqlstring}": "'air/temperature'",
    }
    for macro, value in macros.items():
        sql = sql.replace(macro, value)
    assert "$" not in sql, "a macro that is not expanded"
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE grafana")
        return list(connection.execute(sa.text(sql.replace(":", "\\:"))))


def query(title: str) -> str:
    """The query of the panel whose title begins so."""
    (panel,) = (each for each in DASHBOARD["panels"] if each["title"].startswith(title))
    sql: str = panel["targets"][0]["rawSql"]
    return sql


def test_the_dashboard_shows_readings_and_for_long_times_the_roll_ups(grafana: sa.Engine) -> None:
    day = asked(grafana, query("Readings (hourly"), 24.5)
    assert len(day) == 25
    assert {(row.metric, row.value) for row in day} == {("o'hara/air/temperature", VALUE)}
    assert [row.time for row in day] == sorted(row.time for row in day)
    week = asked(grafana, query("Readings (hourly"), 7 * 24)
    assert 70 <= len(week) <= 72, "hours that have ended"
    assert {row.value for row in week} == {VALUE}


def test_each_panel_and_choice_of_the_dashboard_finds_what_there_is(grafana: sa.Engine) -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            assert asked(grafana, target["rawSql"], 24), panel["title"]
    for choice in DASHBOARD["templating"]["list"]:
        assert len(asked(grafana, choice["query"], 24)) == 1, choice["name"]
    assert asked(grafana, query("Nodes silent"), 24)[0].silent == 0
    (node,) = asked(grafana, next(p for p in DASHBOARD["panels"] if p["title"] == "Nodes")
                    ["targets"][0]["rawSql"], 24)  # fmt: skip
    assert (node.node, node.state) == ("o'hara", "online")


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM page_user", "SELECT * FROM page_token", "DELETE FROM reading",
     "CREATE TABLE x (y int)"],
)  # fmt: skip
def test_the_user_for_grafana_may_read_measurements_and_nothing_else(
    grafana: sa.Engine, sql: str
) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        asked(grafana, sql, 1)


def test_the_dashboard_is_of_one_data_source_which_is_chosen_when_it_is_imported() -> None:
    (source,) = DASHBOARD["__inputs"]
    panels = DASHBOARD["panels"]
    uids = [each["datasource"]["uid"] for p in panels for each in (p, *p["targets"])]
    uids += [choice["datasource"]["uid"] for choice in DASHBOARD["templating"]["list"]]
    assert set(uids) == {"${" + source["name"] + "}"}
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]


def test_telegraf_reads_what_a_reading_has() -> None:
    (section,) = tomllib.loads((RECIPES / "telegraf.conf").read_text())["inputs"]["mqtt_consumer"]
    (reading,) = (json.loads(text) for text in re.findall(
        r"A reading:\n\n```json\n(.*?)```", (ROOT / "docs" / "topics.md").read_text(), re.DOTALL
    ))  # fmt: skip
    (content,) = section["json_v2"]
    used = [each["path"] for each in (*content["field"], *content["tag"])]
    assert {*used, content["timestamp_path"]} <= reading.keys()
    levels = {len(topic.split("/")) for topic in section["topics"]}
    assert {len(each["topic"].split("/")) for each in section["topic_parsing"]} == levels
    for each in section["topic_parsing"]:
        assert len(each["tags"].split("/")) == len(each["topic"].split("/"))


def test_the_configs_in_the_compose_file_are_good(tmp_path: Path) -> None:
    texts = re.findall(r"content: \|\n((?: {6}.*\n|\n)+)", COMPOSE)
    assert len(texts) == 2
    (tmp_path / "x.toml").write_text(texts[0].replace("      ", ""))
    first = load(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_text(texts[1].replace("      ", ""))
    second = load(tmp_path / "x.toml")
    assert first.broker.client_id != second.broker.client_id, "each needs a session of its own"
    assert (first.alarms.on, second.alarms.on) == (True, False)
    assert not first.broker.start


def test_the_image_has_the_files_that_the_set_up_reads() -> None:
    recipe = (RECIPES / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+)", recipe, re.MULTILINE)
    for source in copied:
        assert list(ROOT.glob(source)), source
    (script,) = re.findall(r"RUN python (\S+) backend", recipe)
    assert (ROOT / script).exists() and script.startswith("tools/")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if not verify:
        pytest.skip("there is no systemd-analyze on this computer")
    unit = (RECIPES / "petrel-collector.service").read_text()
    unit = unit.replace("/opt/petrel/.venv/bin/petrel", sys.executable)
    (tmp_path / "petrel-collector.service").write_text(unit)
    done = subprocess.run(
        [verify, "verify", str(tmp_path / "petrel-collector.service")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
