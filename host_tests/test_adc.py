"""The filters of the analog chain do what they are for."""

from __future__ import annotations

from tools import adc


def test_every_filter_is_better_than_one_sample() -> None:
    for noise in (5, 30, 100):
        alone, _ = adc.errors(noise, {"samples": 1})
        for name, (options, _) in adc.CHAINS.items():
            if name != "one sample":
                rms, most = adc.errors(noise, options)
                assert rms < alone / 3, (name, noise)
                assert most < noise * 0.9 + 3, (name, noise)
