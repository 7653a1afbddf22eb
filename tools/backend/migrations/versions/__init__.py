"""A file for each step; `revision` and `down_revision` put them in order."""
