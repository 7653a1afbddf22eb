"""moto's shadows beside those that the tests of nodes use; run by `make test-aws`."""
