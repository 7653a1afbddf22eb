"""Make the documentation.

`docs` builds the site. The other modules write the pages that come from the code: the reference,
the config's keys, sensors, boards. `make reference` runs them all.
"""
