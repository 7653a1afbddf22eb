"""The options of all analog drivers. Imported only to check a config."""


def options(**own):
    """Return the common options and a driver's own: name -> (default, lowest, highest)."""
    found = {
        "samples": (16, 1, 255),
        "decimals": (3, 0, 6),
        "reference": (3.3, 0.1, 30),
        "median": (0, 0, 15),
        "smooth": (0.0, 0, 0.99),
        "slew": (0.0, 0, 1_000_000_000),
        "least": (-1e9, -1_000_000_000, 1_000_000_000),
        "most": (1e9, -1_000_000_000, 1_000_000_000),
    }
    found.update(own)
    return found
