"""TimescaleDB under the collector; run by `make test-timescale`."""
