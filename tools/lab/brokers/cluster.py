"""Clusters of three brokers on loopback, of which any can be killed and started again.

NATS keeps each message and session three times in JetStream; RabbitMQ keeps those of durable
sessions in quorum queues. With one of three gone, the other two go on.
"""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from tools.lab.brokers.base import PASSWORD, USER, RealBroker, quoted
from tools.lab.brokers.nats import Nats
from tools.lab.brokers.rabbitmq import Epmd, RabbitMQ3
from tools.play.broker import free_port
from tools.shared.errors import ToolError

SIZE = 3
COOKIE = "petrel-cluster"  # by which RabbitMQ's servers know each other
QUORUM = "[{rabbitmq_mqtt, [{durable_queue_type, quorum}]}].\n"
CALL_S = 120.0


class Cluster:
    """Brokers that are one; a context manager that starts all and ends what is left."""

    title: ClassVar[str]

    def __init__(self) -> None:
        self.members: list[RealBroker] = []

    def install(self) -> None:
        """Fetch what is missing into .tools. Raises ToolError."""
        self.members[0].install()

    def __enter__(self) -> Cluster:
        try:
            self._prepare()
            with ThreadPoolExecutor(SIZE) as pool:  # each waits until it sees another
                list(pool.map(lambda member: member.start(), self.members))
            self._gather()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.ExitStack() as stack:
            for member in self.members:
                stack.callback(member.__exit__, None, None, None)

    @property
    def hosts(self) -> list[str]:
        """NAME:PORT of each."""
        return [f"{member.host}:{member.port}" for member in self.members]

    def is_whole(self, member: RealBroker) -> bool:
        """True if a member that was started again has what the others have."""
        return member.running

    def _prepare(self) -> None:
        """Do what comes before the first is started."""

    def _gather(self) -> None:
        """Make one of them, where they don't find each other."""


class NatsMember(Nats):
    """One of several NATS servers."""

    def __init__(self, number: int, routes: list[int]) -> None:
        super().__init__()
        self._number = number
        self._routes = routes  # the port of each for the others
        self._health = free_port()

    @property
    def is_current(self) -> bool:
        """True if all that it keeps is what the others keep."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self._health}/healthz") as said:
                return bool(said.status == 200)
        except OSError:  # also what is no 200
            return False

    def _config(self, port: int) -> str:
        assert self._folder
        routes = ", ".join(f"nats://{self.host}:{route}" for route in self._routes)
        login = f"{{ user: {USER}, password: {quoted(PASSWORD)} }}"
        return f"""server_name: petrel{self._number}
listen: {quoted(f"{self.host}:-1")}
http: {quoted(f"{self.host}:{self._health}")}
jetstream {{ store_dir: {quoted(self._folder)} }}
cluster {{
  name: petrel
  listen: {quoted(f"{self.host}:{self._routes[self._number]}")}
  routes: [ {routes} ]
}}
mqtt {{
  host: {self.host}
  port: {port}
  stream_replicas: {len(self._routes)}
  max_ack_pending: 1000
}}
accounts {{
  PETREL {{ jetstream: enabled, users: [ {login} ] }}
  $SYS {{ users: [ {{ user: system, password: {quoted(PASSWORD)} }} ] }}
}}
"""


class NatsCluster(Cluster):
    """Three NATS servers with JetStream."""

    title = "NATS"

    def __init__(self) -> None:
        super().__init__()
        routes = [free_port() for _ in range(SIZE)]
        self.members = [NatsMember(number, routes) for number in range(SIZE)]

    def is_whole(self, member: RealBroker) -> bool:
        return isinstance(member, NatsMember) and member.is_current


class RabbitMember(RabbitMQ3):
    """One of several RabbitMQ servers.

    Not of version 4.0: there some sessions stay out of reach after a server was killed.
    """

    def _config(self, port: int) -> str:
        assert self._folder
        cookie = self._folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(COOKIE)
            cookie.chmod(0o400)
        # This one setting has no name in rabbitmq.conf.
        (self._folder / "advanced.config").write_text(QUORUM)
        return f"""{super()._config(port)}
mqtt.prefetch = 1000
mqtt.subscription_ttl = infinity
"""

    def join(self, other: RabbitMember) -> None:
        """Join the cluster of another, as `rabbitmqctl join_cluster` does. Raises ToolError."""
        self._call("rabbit, stop, []")
        self._call(f"rabbit_mnesia, join_cluster, ['{other.name}@localhost', disc]")
        self._call("rabbit, start, []")

    def _call(self, what: str) -> None:
        """Have the running server do something."""
        code = f"ok = rpc:call('{self.name}@localhost', {what}), halt()."
        command = [str(self._programs / "erlexec"), "-noinput", "-hidden", "-start_epmd", "false"]
        command += ["-sname", f"ask-{self.name}@localhost", "-setcookie", COOKIE, "-eval", code]
        command += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"]
        done = subprocess.run(
            command, env=self._environment(), cwd=self._folder, capture_output=True, text=True,
            timeout=CALL_S,
        )  # fmt: skip
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-300:]
            raise ToolError(f"{self.name} refuses {what}: {said}", "try again")


class RabbitCluster(Cluster):
    """Three RabbitMQ servers with one port mapper; durable sessions are quorum queues."""

    title = "RabbitMQ"

    def __init__(self) -> None:
        super().__init__()
        self._rabbits = [RabbitMember(f"petrel{number}") for number in range(SIZE)]
        self.members = [*self._rabbits]
        self._epmd: Epmd | None = None

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        epmd, self._epmd = self._epmd, None
        if epmd:
            epmd.kill()

    def _prepare(self) -> None:
        self._epmd = self._rabbits[0].epmd()
        for rabbit in self._rabbits:
            rabbit.shared = self._epmd

    def _gather(self) -> None:
        first, *others = self._rabbits
        for rabbit in others:
            rabbit.join(first)
