"""Means that databases make of any numbers, from the least to the largest."""

from __future__ import annotations

import sqlalchemy as sa

# A sum of large numbers must not overflow; a power of two changes no digit. PostgreSQL refuses to
# make a number smaller than the least there is, so the smallest count as 0 in a mean.
_SCALE = 2.0**-40
_SMALLEST = 1e-200


def mean_of(value: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """The mean of a column that has no nulls."""
    # Not avg(): PostgreSQL's makes squares as well, which overflow much earlier.
    mean = sa.func.sum(scaled(value)) / sa.func.count(value)
    return unscaled(mean, sa.func.min(value), sa.func.max(value))


def scaled(value: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """A value, so small that sums of it don't overflow."""
    return sa.case((sa.func.abs(value) < _SMALLEST, 0.0), else_=value * _SCALE)


def unscaled(
    mean: sa.ColumnElement[float], low: sa.ColumnElement[float], high: sa.ColumnElement[float]
) -> sa.ColumnElement[float]:
    """A mean in its own scale; rounding takes it not beyond the lowest and the highest."""
    return sa.case((mean >= scaled(high), high), (mean <= scaled(low), low), else_=mean / _SCALE)
