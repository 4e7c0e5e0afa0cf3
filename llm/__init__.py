"""Choosing the highlights: one door (`choose.choose`), two choosers, a model and a heuristic."""
