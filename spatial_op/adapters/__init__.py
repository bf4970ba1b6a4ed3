"""Operators on the arrays of other frameworks, one file each; ``operators/dispatch.py`` says when one is imported."""
