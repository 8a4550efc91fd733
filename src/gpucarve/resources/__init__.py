"""Each desired thing: how it is seen, how it differs, how it is changed and changed back.

`decisions` holds what every resource answers with, `order` the order on a host that all obey, `codec` their JSON.
`host/` are the things of one machine, `kube/` those of a cluster's API.

Boundary: pure. A resource decides on a snapshot and hands out work (a batch or a flow); it never does it. Resources
do not know each other but by key.
"""
