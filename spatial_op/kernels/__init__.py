"""The compiled loops. Nothing here is imported before the first call that computes."""
