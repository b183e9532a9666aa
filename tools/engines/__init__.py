"""Engines that draw answers outside the jobs: one protocol, one module for each engine."""
