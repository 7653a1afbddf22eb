"""Tells of a connection that failed or ended. Needed then, and forgotten."""


def tell(node, error):
    """Print it; what the owner has to look at is told in the diagnostics as well."""
    if getattr(error, "times", 0) > 2:  # so often in a row that somebody has to know
        node.failed("not connected", error)
        return
    if hasattr(error, "reach"):
        node.error = str(error)
    print("Petrel: not connected:", error)
