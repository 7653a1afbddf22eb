"""RabbitMQ with its MQTT plugin, from Debian's archive, in two generations.

Neither RabbitMQ's nor Erlang's start scripts can be moved from /usr, so the runtime is started
without them, every program of it by its own dynamic loader: what was built for a newer system runs
as well. Erlang's port mapper, epmd, would outlive RabbitMQ: it is started here too, in the
foreground, with a port of its own, so that no other Erlang program is met.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import ClassVar

from tools.lab.brokers.archive import unpack
from tools.lab.brokers.base import PASSWORD, USER, RealBroker
from tools.play.broker import free_port
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS
from tools.shared.process import popen
from tools.start import debian

APPLICATIONS = (
    "asn1 base crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools snmp ssl "
    "syntax-tools tftp tools xmerl"
)
LIBRARIES = "libc6 libgcc-s1 libsctp1 libstdc++6 libtinfo6 zlib1g"
PROGRAMS = ("beam.smp", "epmd", "erl_child_setup", "erlexec", "inet_gethost")
EPMD_S = 10.0


class Epmd:
    """Erlang's port mapper, on a port of its own, in the foreground."""

    def __init__(self, program: Path, host: str) -> None:
        self.port = free_port()
        self._process = popen(
            [str(program), "-address", host, "-port", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while self._process.poll() is None:
            try:
                socket.create_connection((host, self.port), EPMD_S).close()
                return
            except ConnectionRefusedError:
                os.sched_yield()
        raise ToolError("Erlang's epmd does not start", f"remove {program.parent}, and try again")

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class RabbitMQ(RealBroker):
    """rabbitmq-server and Erlang from a suite of Debian's archive."""

    title = "RabbitMQ"
    quick = False
    start_s = 90.0
    running_line = re.compile(r"Server startup complete")
    suite: ClassVar[str]
    libraries: ClassVar[str]  # those that are called otherwise in other suites

    def __init__(self, name: str = "petrel") -> None:
        """name: of its Erlang node; set `shared` to a port mapper that others use as well."""
        super().__init__()
        self.name = name
        self.shared: Epmd | None = None
        self._epmd: Epmd | None = None

    @property
    def _tree(self) -> Path:
        return TOOLS / f"rabbitmq-{self.suite}"

    @property
    def _programs(self) -> Path:
        return TOOLS / f"rabbitmq-{self.suite}-bin"

    def version(self) -> str:
        return self._home().name.rpartition("-")[2]

    def _check_installed(self) -> None:
        if not self._tree.exists():
            erlang = [f"erlang-{name}" for name in APPLICATIONS.split()]
            libraries = [*LIBRARIES.split(), *self.libraries.split()]
            unpack(self._tree, self.suite, ["rabbitmq-server", *libraries, *erlang])
        for name in PROGRAMS:
            if not (self._programs / name).exists():
                program = self._only(f"usr/lib/erlang/erts-*/bin/{name}")
                path = str(program.relative_to(self._tree))
                debian.wrap(self._programs / name, self._tree, debian.architecture(), path)

    def epmd(self) -> Epmd:
        """A port mapper of its kind, which runs until it is killed. Raises ToolError."""
        return Epmd(self._programs / "epmd", self.host)

    def _try(self, port: int) -> bool:
        if self.shared is None:
            self._epmd = self.epmd()
        return super()._try(port)

    def _end(self, number: signal.Signals) -> None:
        super()._end(number)
        epmd, self._epmd = self._epmd, None
        if epmd:
            epmd.kill()

    def _command(self, conf: Path) -> list[str]:
        erl = [str(self._programs / "erlexec"), "-pa", "", "-noinput", "-s", "rabbit", "boot"]
        erl += ["-boot", "start_sasl", "+W", "w", "+sbwt", "none", "-start_epmd", "false"]
        erl += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
        erl += ["-kernel", "prevent_overlapping_partitions", "false"]
        erl += ["-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false"]
        for helper in ("cpu_sup", "disksup", "memsup"):  # further programs, of no use here
            erl += ["-os_mon", f"start_{helper}", "false"]
        return ["/bin/sh", "-c", 'exec "$@" >&2', "sh", *erl]

    def _environment(self) -> dict[str, str]:
        folder, home, epmd = self._folder, self._home(), self.shared or self._epmd
        assert folder and epmd
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("RABBITMQ", "ERL"))}
        return {
            **kept,
            "HOME": str(folder),
            "ROOTDIR": str(self._tree / "usr" / "lib" / "erlang"),
            "BINDIR": str(self._programs),
            "EMU": "beam",
            "PROGNAME": "erl",
            "ERL_LIBS": str(home / "plugins"),
            "ERL_EPMD_ADDRESS": self.host,
            "ERL_EPMD_PORT": str(epmd.port),
            "RABBITMQ_HOME": str(home),
            "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_NODENAME": f"{self.name}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "broker.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "flags"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "SYS_PREFIX": "",
        }

    def _config(self, port: int) -> str:
        assert self._folder
        (self._folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        return f"""listeners.tcp = none
mqtt.listeners.tcp.1 = {self.host}:{port}
mqtt.allow_anonymous = false
default_user = {USER}
default_pass = {PASSWORD}
log.console = true
"""

    def _home(self) -> Path:
        """Where RabbitMQ's own files are."""
        return self._only("usr/lib/rabbitmq/lib/rabbitmq_server-*")

    def _only(self, pattern: str) -> Path:
        for path in self._tree.glob(pattern):
            return path
        raise ToolError(f"{self._tree} is not complete", "remove it, and try again")


class RabbitMQ3(RabbitMQ):
    """The one of Debian 12."""

    suite = "bookworm"
    libraries = "libssl3"
    limits: ClassVar[dict[str, str]] = {
        "qos2": "grants QoS 1 for QoS 2",
        "retained_wildcard": "sends retained messages for exact topics only",
        "5": "doesn't know MQTT 5",
    }


class RabbitMQ4(RabbitMQ):
    """The one of Debian 13, which speaks MQTT 5 as well."""

    suite = "trixie"
    libraries = "libssl3t64 libzstd1"
    limits: ClassVar[dict[str, str]] = {
        "qos2": "grants QoS 1 for QoS 2",
        "qos2/5": "says that QoS 1 is its highest, and ends the connection on a QoS 2 publish",
        "retained_wildcard": "sends retained messages for exact topics only",
    }
