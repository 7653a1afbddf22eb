"""A node whose broker speaks TLS, with certificate files that are missing, damaged or right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.faults.proxy import Proxy
from host_tests.harness.authority import Authority
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

DAMAGED = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


class Secured:
    """A node with a broker that speaks TLS, and who listens there."""

    def __init__(self, node: Node, listener: Subscriber) -> None:
        self.node = node
        self.bench = node.bench
        self.flash = node.flash
        self._listener = listener

    def config(self, **mqtt: Any) -> dict[str, Any]:
        return self.node.config(mqtt={**self.node.config()["mqtt"], **mqtt}, sensors=[LIGHT])

    def wait(self, topic: str = "light", start: int = 0) -> Any:
        return self._listener.wait(f"petrel/n1/{topic}", 20, start=start)

    @property
    def heard(self) -> int:
        return len(self._listener.messages)

    def restart(self) -> int:
        """Switch it off and on; returns the number of the first line that it says then."""
        self.bench.power_off()
        first = len(self.bench.lines)
        self.bench.power_on()
        return first


@pytest.fixture
def secured(
    authority: Authority, tmp_path: Path, broker: Broker, seen: Subscriber
) -> Iterator[Secured]:
    """Such a node, switched off, with ca.pem on its flash and no config yet."""
    flash = tmp_path / "flash"
    with Broker(settings=authority.settings()) as tls:
        air = (tls.host, tls.port)
        node = make_node(flash, WIDTHS[-1], broker, seen, air=air, heap="256K")
        authority.ca.cert_pem.write_to_path(flash / "ca.pem")
        with Subscriber(tls, tls=authority.file) as listener, node.bench:
            yield Secured(node, listener)


def test_a_certificate_that_is_damaged_later_is_told_and_tried_until_it_is_right(
    secured: Secured,
) -> None:
    secured.node.write_config(secured.config(ca="ca.pem"))
    secured.bench.power_on()
    secured.wait()
    good = (secured.flash / "ca.pem").read_bytes()
    (secured.flash / "ca.pem").write_text(DAMAGED)
    first = secured.restart()
    said = r"not connected: mqtt\.ca: ca\.pem is damaged"
    second = secured.bench.wait_for_line(said, start=first)
    secured.bench.wait_for_line(said, 20, start=second)
    (secured.flash / "ca.pem").unlink()
    secured.bench.wait_for_line(r"not connected: mqtt\.ca: ca\.pem is not there", 30, second)
    heard = secured.heard
    (secured.flash / "ca.pem").write_bytes(good)
    secured.wait(start=heard)
    assert secured.bench.resets == ["power on", "soft", "power on"]


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_new_config_with_a_bad_certificate_leaves_the_last_good_one_in_use(
    fault: str, secured: Secured
) -> None:
    secured.node.write_config(secured.config(ca="ca.pem"))
    secured.bench.power_on()
    secured.wait()
    secured.node.write_config(secured.config(ca="new.pem"))
    if fault == "damaged":
        (secured.flash / "new.pem").write_text(DAMAGED)
    heard = secured.heard
    first = secured.restart()
    words = "is damaged" if fault == "damaged" else "is not there"
    secured.bench.wait_for_line(rf"^Petrel: mqtt\.ca: new\.pem {words}", start=first)
    diagnostics = secured.wait("diagnostics", heard)
    assert diagnostics["faults"][0].startswith(f"mqtt.ca: new.pem {words}")
    assert diagnostics["mode"] == "normal"
    assert secured.bench.resets == ["power on", "soft", "power on"]


def test_the_only_config_with_a_bad_certificate_ends_in_no_loop(secured: Secured) -> None:
    (secured.flash / "ca.pem").write_text(DAMAGED)
    secured.node.write_config(secured.config(ca="ca.pem"))
    secured.bench.power_on()
    said = r"not connected: mqtt\.ca: ca\.pem is damaged"
    second = secured.bench.wait_for_line(said)
    secured.bench.wait_for_line(said, 20, start=second)
    assert secured.bench.resets == ["power on"]


@pytest.mark.parametrize("trusting", [False, True])
def test_a_broker_that_wants_a_client_certificate(
    trusting: bool, authority: Authority, tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    flash = tmp_path / "flash"
    wants = ("require_certificate true", "use_identity_as_username true")
    with Broker(settings=(*authority.settings(), *wants)) as strict:
        air = (strict.host, strict.port)
        node = make_node(flash, WIDTHS[-1], broker, seen, air=air, heap="256K")
        authority.ca.cert_pem.write_to_path(flash / "ca.pem")
        for name, source in zip(("n1.pem", "n1.key"), authority.issue("n1"), strict=True):
            (flash / name).write_bytes(source.read_bytes())
        how: dict[str, Any] = {"verify": False} if trusting else {"ca": "ca.pem"}
        secured = Secured(node, seen)
        with node.bench:
            node.write_config(secured.config(**how))
            node.bench.power_on()
            node.bench.wait_for_line("not connected")
            assert not [line for line in strict.log if "as n1" in line]
            node.write_config(secured.config(**how, cert="n1.pem", key="n1.key"))
            first = secured.restart()
            node.bench.wait_for_line("Petrel: connected", 20, first)
            assert strict.logs(r"as n1 .*u'n1'")  # the line may come after the answer to the node


def test_a_slow_handshake_has_its_time_where_there_is_another_broker(
    authority: Authority, tmp_path: Path, broker: Broker, seen: Subscriber
) -> None:
    flash = tmp_path / "flash"
    with (
        Broker(settings=authority.settings()) as tls,
        Proxy((tls.host, tls.port), packets=False) as slow,
    ):
        slow.delay_s = 1.5  # several pieces go to and fro before CONNACK
        air = ("127.0.0.1", slow.port)
        node = make_node(flash, WIDTHS[-1], broker, seen, air=air, heap="256K")
        authority.ca.cert_pem.write_to_path(flash / "ca.pem")
        node.write_config(Secured(node, seen).config(ca="ca.pem", host=["127.0.0.1", "127.0.0.1"]))
        with node.bench:
            node.bench.power_on()
            node.bench.wait_for_line("Petrel: connected", 40)
            assert "Petrel: not connected" not in "\n".join(node.bench.lines)
            assert slow.connections == 1
