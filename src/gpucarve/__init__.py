"""One fleet document in; verified, measured NVIDIA GPU capacity out.

The rooms of this package and the order in which they may import each other are told in docs/architecture.md and
checked by import-linter. Nothing is exported here but the version: import the room you mean.
"""

__version__ = "0.1.0.dev0"
