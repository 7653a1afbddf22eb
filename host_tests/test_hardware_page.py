"""docs/hardware.md says what the tests check, and nothing else."""

from __future__ import annotations

import pytest

from host_tests.emulated.claims import CLAIMS, HERE, Claim, names_in
from tools.shared.paths import ROOT


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.what[:40])
def test_each_claim_names_tests_that_there_are(claim: Claim) -> None:
    for test in claim.tests:
        file, _, name = test.partition("::")
        found = names_in(ROOT / file)
        assert found if name == "*" else name in found, test


def test_every_test_on_an_emulated_chip_is_of_a_claim() -> None:
    named = {test for claim in CLAIMS for test in claim.tests}
    for file in sorted((ROOT / HERE).glob("test_*.py")):
        for name in names_in(file):
            here = f"{HERE}/{file.name}::"
            assert {here + name, here + "*"} & named, f"{name} is of no claim"
