"""Petrel's clients against brokers that others wrote: `make interop`, and a part in `make test`.

device: a client inside MicroPython, told what to do; peer: an independent client on the other
side; control: the same in the device's place, so that a broker's limits are known for its own;
checks: what is promised, said once for all; verdict: what came of one check; run: all of
them, and the matrix in docs/interop.md.
"""
