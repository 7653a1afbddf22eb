"""Find out how well Petrel does, and write it down.

`bench` measures the MQTT clients. The tests of conformance, and those that fetch something
(emulated chips, Home Assistant, a browser, the brokers of `make interop`), are run from here. What
they found is in docs/.
"""
