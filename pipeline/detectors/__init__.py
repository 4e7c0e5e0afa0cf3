"""Face detectors, one per file. Only `pipeline.faces` imports them.

Each takes a BGR picture and gives faces as fractions of it, says who it is (`made_by`), and may be
used from several threads at once.
"""
