"""The brokers that Petrel is tried with, one module each.

Every module has one class, a tools.play.broker.Broker that also knows its title, its version and
what the broker is known not to do. All of them listen on loopback alone, run without root, and
let in USER with PASSWORD.
"""
