"""The back end: a collector that stores what nodes publish, a page to look at it, alarms.

It needs the packages of requirements-backend.txt, which `make collect` installs.
"""
