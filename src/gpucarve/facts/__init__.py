"""What is there: calls to ask, a pure parse of the replies, and a value for what cannot be known.

Each module holds one subject: its values, its parse and its `PROBE`. `observed` joins the probes' answers into one
immutable snapshot; `host` and `node` list the probes of a machine and of a cluster's node.

Boundary: pure. Facts are what the machine says, not what it means; no catalog is asked here.
"""
