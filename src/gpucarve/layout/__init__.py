"""From cuts to places: what each GPU of a host becomes, and exactly where on it everything stands; or why it cannot.

Boundary: pure; Spec, catalog and a snapshot in, a `HostLayout` or findings out. The search (`placements`) knows no GPU;
what it has to be told about one comes from `geometry`. Fitting a demand to many GPUs will be another way to the same
`HostLayout`.
"""
