"""Petrel's clients against brokers that others wrote: `make interop`, and a part in `make test`.

device: a client inside MicroPython, told what to do; peer: an independent client on the other
side; checks: what is promised, said once for all; verdict: what came of one check; run: all of
them, and the matrix in docs/interop.md.
"""
