"""Runs with moto: reads lists of updates, a line each, and prints the state after each of them."""

import json
import sys

from moto.iotdata.models import FakeShadow

for line in sys.stdin:
    shadow = None
    found = []
    for update in json.loads(line):
        shadow = FakeShadow.create_from_previous_version(shadow, update)
        told = shadow.to_dict()
        found.append(
            json.dumps({"state": told["state"], "version": told["version"]})
        )  # it changes
    print(f"[{', '.join(found)}]")
