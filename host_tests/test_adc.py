"""The page on the analog chain is what its code gives, and the filters do what they are for."""

from __future__ import annotations

from tools import adc


def test_the_page_and_its_picture_are_current() -> None:
    found = adc.results()
    assert adc.PAGE.read_text() == adc.page(found), "make reference"
    assert adc.PICTURE.read_text() == adc.picture(found), "make reference"


def test_every_filter_is_better_than_one_sample() -> None:
    for noise in (5, 30, 100):
        alone, _ = adc.errors(noise, {"samples": 1})
        for name, (options, _) in adc.CHAINS.items():
            if name != "one sample":
                rms, most = adc.errors(noise, options)
                assert rms < alone / 3, (name, noise)
                assert most < noise * 0.9 + 3, (name, noise)
