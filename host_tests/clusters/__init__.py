"""Nodes, clusters of brokers and two collectors; run by `make test-clusters`."""
