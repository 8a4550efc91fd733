"""Names that must be unique, and names that must lead somewhere.

Boundary: the tree, before or after it fits the models, so that these problems are told together with all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gpucarve.spec import tree
from gpucarve.spec.problems import Problem, alike, quoted
from gpucarve.spec.tree import Node, Path, Span


def problems(root: Node) -> Iterator[Problem]:
    """Every name that is taken twice or that nothing bears."""
    sites = list(tree.items(*tree.member(root, (), "sites")))
    yield from _twice(sites, "site", "the fleet")
    for site, path in sites:
        pools = list(tree.items(*tree.member(site, path, "pools")))
        yield from _twice(pools, "pool", "its site")
        nodes: dict[str, Span] = {}
        for pool, pool_path in pools:
            yield from _nodes(pool, pool_path, nodes)
        yield from _addresses(site, path, tuple(nodes))


def _twice(parts: list[tuple[Node, Path]], noun: str, whole: str) -> Iterator[Problem]:
    first: dict[str, Span] = {}
    for part, path in parts:
        name, name_path = tree.member(part, path, "name")
        word = tree.text(name)
        if name is None or word is None:
            continue
        if word in first:
            message = f"two {noun}s are called {quoted(word)}"
            hint = f"the other is on line {first[word].line}; a {noun}'s name is unique in {whole}"
            yield Problem(name.span, name_path, message, hint)
        first.setdefault(word, name.span)


def _nodes(pool: Node, path: Path, first: dict[str, Span]) -> Iterator[Problem]:
    nodes, nodes_path = tree.member(pool, path, "nodes")
    for name, name_path in tree.items(*tree.member(nodes, nodes_path, "names")):
        word = tree.text(name)
        if word is None:
            continue
        if word in first:
            message = f"the node {quoted(word)} is named twice"
            hint = f"the other place is line {first[word].line}; a node serves one workload, so one pool names it, once"
            yield Problem(name.span, name_path, message, hint)
        first.setdefault(word, name.span)


def _addresses(site: Node, path: Path, nodes: tuple[str, ...]) -> Iterator[Problem]:
    access, access_path = tree.member(site, path, "access")
    ssh, ssh_path = tree.member(access, access_path, "ssh")
    first: dict[str, tuple[str, Span]] = {}
    for entry, entry_path in tree.entries(*tree.member(ssh, ssh_path, "hosts")):
        if entry.key not in nodes:
            message = f"{quoted(entry.key)} is no node of this site"
            hint = "an address is given for a node that some pool of the site names"
            yield Problem(entry.span, entry_path, message, hint, partial(alike, entry.key, nodes))
        address = tree.text(entry.value)
        if address is None:
            continue
        if address in first:
            other, span = first[address]
            message = f"{quoted(entry.key)} and {quoted(other)} have one address"
            hint = f"the other is on line {span.line}; one machine is one node, or two plans would change it"
            yield Problem(entry.value.span, entry_path, message, hint)
        first.setdefault(address, (entry.key, entry.value.span))
