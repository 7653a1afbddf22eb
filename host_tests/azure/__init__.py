"""Azure's own client beside ours; run by `make test-azure`. vectors.json was made by it."""
