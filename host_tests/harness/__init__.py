"""What the tests stand on: device tests as pytest items, interpreters, compiled trees."""
