"""Updates over the air, the computer's side: keys, signed releases, and serving them to nodes.

manifest: what a release says of itself, and what it may say. verify: the check that a node makes,
in CPython. keyring, keys: the keys that sign. release: makes the folder of a release.
server, offer: give it to nodes over MQTT. docs/updates.md has the format.
"""
