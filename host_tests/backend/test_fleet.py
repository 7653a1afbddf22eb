"""`petrel simulate`: what its nodes publish is what real ones do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from tools.backend.fleet import Fleet, Plan
from tools.backend.messages import Reading, Told, parse
from tools.backend.queries import now_ms
from tools.backend.simulate import command
from tools.play.broker import Broker, free_port
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.talk.connection import Address


@pytest.fixture
def seen(broker: Broker) -> Iterator[Subscriber]:
    with Subscriber(broker) as subscriber:
        yield subscriber


def run(broker: Broker, plan: Plan, seconds: float) -> Fleet:
    async def live() -> Fleet:
        fleet = Fleet(Address(broker.host, broker.port), plan)
        asyncio.get_running_loop().call_later(seconds, fleet.stopping.set)
        assert await fleet.run()
        return fleet

    return asyncio.run(live())


def test_nodes_say_what_docs_topics_says(broker: Broker, seen: Subscriber) -> None:
    fleet = run(broker, Plan(nodes=5, interval_s=0.5, trouble_s=0), 4)
    seen.catch_up()
    told = [parse(t, p.encode(), now_ms(), "petrel") for t, p in seen.messages]
    readings = [item for item in told if isinstance(item, Reading)]
    assert len(readings) == fleet.totals.accepted == fleet.totals.delivered > 100
    assert {item.kind for item in told if isinstance(item, Told)} == {"status", "diagnostics"}
    assert len(readings) + sum(isinstance(item, Told) for item in told) == len(told)
    assert {item.source for item in readings} == {0, 1}, "an uptime until the clock is set"
    for name in {item.node for item in readings}:
        numbers = [item.seq for item in readings if item.node == name]
        assert numbers == list(range(1, len(numbers) + 1))
    status = [(t, p) for t, p in seen.messages if t.endswith("/status")]
    assert [p for t, p in status if t == "petrel/sim0000/status"] == ["online", "offline"]


def test_troubles_lose_nothing_and_send_some_twice(broker: Broker, seen: Subscriber) -> None:
    fleet = run(broker, Plan(nodes=20, sensors=3, interval_s=0.2, trouble_s=2), 6)
    seen.catch_up()
    totals = fleet.totals
    assert totals.outages and totals.restarts and totals.again
    found = [json.loads(p) for t, p in seen.messages if '"seq"' in p]
    keys = {(item["boot"], item["seq"]) for item in found}
    assert len(keys) == totals.accepted
    assert len(found) > len(keys)
    assert any(p == "offline" for t, p in seen.messages if t.endswith("status"))


def test_nodes_answer_commands(broker: Broker, seen: Subscriber) -> None:
    async def live() -> Fleet:
        fleet = Fleet(Address(broker.host, broker.port), Plan(nodes=1, interval_s=1, trouble_s=0))
        running = asyncio.create_task(fleet.run())
        # published after the subscription
        await asyncio.to_thread(seen.wait, "petrel/sim0000/diagnostics", 20)
        for name in ("ping", "dance", "reboot"):
            seen.publish(f"petrel/sim0000/cmd/{name}", "")
            await asyncio.to_thread(seen.wait, f"petrel/sim0000/reply/{name}", 20)
        while not fleet.totals.restarts:
            await asyncio.sleep(0.05)
        fleet.stopping.set()
        assert await running
        return fleet

    fleet = asyncio.run(live())
    assert fleet.totals.restarts == 1
    assert seen.wait("petrel/sim0000/reply/ping")["ok"] is True
    assert seen.wait("petrel/sim0000/reply/dance")["ok"] is False


def test_the_command_counts_and_writes_a_ledger(
    broker: Broker, seen: Subscriber, tmp_path: pytest.TempPathFactory
) -> None:
    ledger = f"{tmp_path}/ledger.txt"
    arguments = ["--nodes", "10", "--rate", "200", "--seconds", "3", "--ledger", ledger]
    done = CliRunner().invoke(
        command, ["--host", f"127.0.0.1:{broker.port}", *arguments], catch_exceptions=False
    )
    assert "10 nodes, 200 readings/s" in done.output
    lines = [line.split("\t") for line in open(ledger).read().splitlines()]  # noqa: SIM115
    assert f"{len(lines)} readings, {len(lines)} delivered" in done.output
    assert len({tuple(line) for line in lines}) == len(lines) > 100


def test_real_nodes_join_in(broker: Broker, seen: Subscriber) -> None:
    done = CliRunner().invoke(
        command,
        ["--host", f"127.0.0.1:{broker.port}", "--nodes", "1", "--real", "2", "--interval", "1",
         "--seconds", "12"],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    for name in ("real000", "real001"):
        assert seen.wait(f"petrel/{name}/air", 1)["unit"] == "C"
        assert seen.wait(f"petrel/{name}/diagnostics", 1)["board"]


def test_without_a_broker_it_knows_why_nobody_is_online() -> None:
    async def live() -> str:
        fleet = Fleet(Address("127.0.0.1", free_port()), Plan(nodes=1, interval_s=0.1))
        asyncio.get_running_loop().call_later(0.5, fleet.stopping.set)
        assert not await fleet.run(deliver_s=0.5)
        return fleet.why

    assert asyncio.run(live()).startswith("no broker at 127.0.0.1:")


def test_no_nodes_are_nothing_to_simulate() -> None:
    done = CliRunner().invoke(command, ["--nodes", "0"])
    assert isinstance(done.exception, ToolError) and "nothing to simulate" in str(done.exception)
