"""Measurements with their commands; numbers are committed beside them."""
