"""Rows to compare: written by hand, combined, grown from grammars, and mutated."""
