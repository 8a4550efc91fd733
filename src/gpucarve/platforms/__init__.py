"""Each platform: who has authority over what, and how a layout becomes resources there.

Boundary: pure. Platforms do not import each other; what two of them share is a resource.
"""
