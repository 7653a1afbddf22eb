"""Many nodes from a few files: fleet.toml, a template of a config, and secrets apart from both.

plan: what fleet.toml says. secrets: where passwords come from. template: makes a config of a
template and a node's values. render: all configs, checked. table: nodes from a CSV file.
floor, ids: boards on USB, each with the config of its node. stages, rollout: a release for a few,
then for all. ask, status: a command to many nodes, and how they are.
"""
