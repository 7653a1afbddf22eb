"""The flow of the documentation in a real Node-RED; run by `make test-node-red`."""
