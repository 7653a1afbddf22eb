"""Every two faults of the way to the broker at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from host_tests.conformance.wire import CONNACK, PUBACK, PUBLISH
from host_tests.faults.conftest import Lab
from host_tests.faults.proxy import DOWN, UP

Step = Callable[[Lab], None]


def _nothing(lab: Lab) -> None:
    pass


def _slow(seconds: float) -> Step:
    return lambda lab: setattr(lab.proxy, "delay_s", seconds)


def _drip(pace: tuple[int, float] | None) -> Step:
    return lambda lab: setattr(lab.proxy, "drip", pace)


# How each begins, and how it ends; most end by themselves.
FAULTS: dict[str, tuple[Step, Step]] = {
    "broker killed": (lambda lab: lab.broker_away(), lambda lab: lab.broker_back()),
    "broker hangs": (lambda lab: lab.broker.suspend(), lambda lab: lab.broker.resume()),
    "silence": (lambda lab: lab.proxy.silent.set(), lambda lab: lab.proxy.silent.clear()),
    "Wi-Fi": (lambda lab: lab.bench.wifi_down(), lambda lab: lab.bench.wifi_up()),
    "cut": (lambda lab: lab.proxy.cut(), _nothing),
    "cut in PUBLISH": (lambda lab: lab.proxy.cut_in(PUBLISH, UP, 9), _nothing),
    "cut in CONNACK": (lambda lab: lab.proxy.cut_in(CONNACK, DOWN, 2), _nothing),
    "one-way end": (lambda lab: lab.proxy.end_one_way(), _nothing),
    "PUBACK lost": (lambda lab: lab.proxy.swallow(PUBACK, DOWN, 2), _nothing),
    "PUBACK twice": (lambda lab: lab.proxy.repeat(PUBACK, DOWN, 4), _nothing),
    "malformed": (lambda lab: lab.proxy.inject(b"\xf0\x00"), _nothing),
    "slow": (_slow(0.2), _slow(0.0)),
    "drip": (_drip((1, 0.05)), _drip(None)),
}


@pytest.mark.parametrize("first", FAULTS)
def test_two_faults_at_once(lab: Lab, first: str) -> None:
    """Each with each that follows it in the list, and with itself."""
    lab.boot(queue=400)
    names = list(FAULTS)
    for second in names[names.index(first) :]:
        if (first, second) == ("broker killed", "broker hangs"):
            continue  # one that is not there cannot hang
        lab.more(16)  # who gets nothing done comes back less and less often
        for name in (first, second):
            FAULTS[name][0](lab)
        time.sleep(1.2)
        with lab.recovery(60):  # a pause of the Wi-Fi, at most, and one of the client
            for name in dict.fromkeys((second, first)):
                FAULTS[name][1](lab)
    lab.more(5)
    lab.whole()
