"""Alarms: rules over what the collector has stored, and one notification for each change."""
