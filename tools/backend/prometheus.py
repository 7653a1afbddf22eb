"""What Prometheus may ask for: the newest readings, the nodes, and the collector itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from tools.backend import queries

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Of what the collector says of itself, the numbers that also fall.
_STATES = ("waiting", "connected", "storing")
_OF_NODES = {
    "signal": ("petrel_node_signal_dbm", "Wi-Fi signal"),
    "waiting": ("petrel_node_waiting", "Readings that wait in the node"),
    "lost": ("petrel_node_lost", "Messages that the node could not keep"),
    "refused": ("petrel_node_refused", "Readings that found no room in the node"),
}


def metrics(connection: sa.Connection, counts: Mapping[str, float]) -> str:
    """All figures in Prometheus' text format. counts: of the collector, by name."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(connection, counts))
    return generate_latest(registry).decode()


class _Figures:
    """Asks the database when prometheus_client asks."""

    def __init__(self, connection: sa.Connection, counts: Mapping[str, float]) -> None:
        self._connection = connection
        self._counts = counts

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._of_nodes()
        yield from self._of_readings()
        for name, value in self._counts.items():
            words = f"{name} of the collector"
            if name in _STATES:
                yield GaugeMetricFamily(f"petrel_collector_{name}", words, value)
            else:
                yield CounterMetricFamily(f"petrel_collector_{name}", words, value)

    def _of_nodes(self) -> Iterator[Metric]:
        nodes = queries.nodes(self._connection)
        up = GaugeMetricFamily("petrel_node_up", "1 if the node is online", labels=["node"])
        seen = GaugeMetricFamily(
            "petrel_node_seen_seconds", "When its last message came", labels=["node"]
        )
        for node in nodes:
            up.add_metric([node["name"]], float(node["state"] == "online"))
            seen.add_metric([node["name"]], node["seen"] / 1000)
        yield from (up, seen)
        for column, (name, words) in _OF_NODES.items():
            family = GaugeMetricFamily(name, words, labels=["node"])
            for node in nodes:
                if node[column] is not None:
                    family.add_metric([node["name"]], node[column])
            yield family

    def _of_readings(self) -> Iterator[Metric]:
        labels = ["node", "sensor"]
        value = GaugeMetricFamily(
            "petrel_reading", "The newest value; of a switch 0 or 1", labels=[*labels, "unit"]
        )
        taken = GaugeMetricFamily(
            "petrel_reading_time_seconds", "When it was taken", labels=labels
        )
        for sensor in queries.all_sensors(self._connection):
            if sensor["value"] is not None:
                names = [sensor["node_name"], sensor["name"]]
                value.add_metric([*names, sensor["unit"]], sensor["value"])
                taken.add_metric(names, sensor["time"] / 1000)
        yield from (value, taken)
