"""Find out how well Petrel does, and write it down.

`bench` measures the MQTT clients. The conformance tests, the emulated chips and the real brokers
of `make interop` are run from here. What they found is in docs/.
"""
