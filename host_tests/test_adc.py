"""The filters of the analog chain do what they are for."""

from __future__ import annotations

from xml.etree import ElementTree

from host_tests.harness.svg import assert_readable, labels
from tools.docs import adc


def test_every_filter_is_better_than_one_sample() -> None:
    for noise in (5, 30, 100):
        alone, _ = adc.errors(noise, {"samples": 1})
        for name, (options, _) in adc.CHAINS.items():
            if name != "one sample":
                rms, most = adc.errors(noise, options)
                assert rms < alone / 3, (name, noise)
                assert most < noise * 0.9 + 3, (name, noise)


def test_the_chart_can_be_read() -> None:
    close = {name: [(1.0, 1.0 + i / 10)] * 8 for i, name in enumerate(adc.CHAINS)}
    for found in (adc.results(), close):
        root = ElementTree.fromstring(adc.picture(found))
        assert_readable(root)
        said = [label.said for label in labels(root)]
        assert {*adc.CHAINS, "noise at the input, mV", "100", "1,000"} <= set(said)
