"""`test-clusters`: runs nodes and collectors with clusters of brokers, which it fetches."""

from __future__ import annotations

import sys

import click

from tools.lab.brokers.cluster import NatsCluster, RabbitCluster
from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run nodes and two collectors with clusters of three brokers, and kill each of them.

    The first time fetches NATS and RabbitMQ, 110 MB. With ARGUMENTS, pytest's options:

    \b
    petrel test-clusters -k nats
    """
    for kind in (NatsCluster, RabbitCluster):
        try:
            kind().install()
        except ToolError as error:
            print(f"NOT RUN: the tests with {kind.title}; {error}", file=sys.stderr)
    return pytest("-rs", "host_tests/clusters", *arguments)
