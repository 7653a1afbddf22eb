"""The page of the back end, and its API."""
