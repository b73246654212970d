"""Workflows under the reference's conductor."""
