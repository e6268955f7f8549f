"""Defects that show only through an engine: the round trips' own checks turn red for them."""
