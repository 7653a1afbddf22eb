"""Make the documentation.

`docs` builds the site. The other modules write the pages and pictures that come from the code: the
reference, the config's keys, sensors, boards, wiring. `make reference` runs them all.
"""
