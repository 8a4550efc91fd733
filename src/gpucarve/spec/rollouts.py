"""A site's rollout against the hosts it goes over.

Boundary: the tree, before or after it fits the models. What the numbers may be on their own is the models'.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpucarve.spec import amounts, tree
from gpucarve.spec.problems import Problem
from gpucarve.spec.tree import Node


def problems(root: Node) -> Iterator[Problem]:
    """Every canary that would need more hosts than its site has."""
    for site, path in tree.items(*tree.member(root, (), "sites")):
        canary, canary_path = tree.member(*tree.member(site, path, "rollout"), "canary")
        wanted = amounts.count(canary) if canary else None
        if canary is None or wanted is None:
            continue
        hosts = set[str]()
        for pool, pool_path in tree.items(*tree.member(site, path, "pools")):
            nodes = tree.member(*tree.member(pool, pool_path, "nodes"), "names")
            hosts |= {word for name, _ in tree.items(*nodes) if (word := tree.text(name)) is not None}
        if hosts and wanted > len(hosts):
            count = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
            hint = f"write {len(hosts)} or fewer; the others begin when the canaries have succeeded"
            yield Problem(canary.span, canary_path, f"{wanted} hosts cannot go first: the site has {count}", hint)
