"""A real Home Assistant beside a node: `make test-homeassistant`."""
