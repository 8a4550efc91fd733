"""One file a verb; each holds its `command`, imported when it is asked for.

Boundary: what the verb needs beyond click is imported inside its function.
"""
