"""Tests of the back end: the collector, its database, queries and jobs."""
