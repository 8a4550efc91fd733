"""From cuts to slots: which GPU of a host carries which vGPUs, or why it cannot.

Boundary: pure; Spec, catalog and a snapshot in, a `HostLayout` or findings out. Fitting a demand to many GPUs will be
another way to the same `HostLayout`.
"""
