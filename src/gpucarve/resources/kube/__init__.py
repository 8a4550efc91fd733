"""The things of a cluster's API: a node's label, and what the node must report in the end.

Boundary: pure; writes are server-side applies under one field manager, so that other managers' fields stay theirs.
"""

MANAGER = "gpucarve"
