"""The fault lab: what a node in the field meets, made on purpose. See rows.py for the list."""
