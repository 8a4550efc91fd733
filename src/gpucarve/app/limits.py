"""Which hosts of a fleet are meant by the names that `--limit` was given.

Boundary: names to targets; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from gpucarve.model.hosts import Target
from gpucarve.spec import Spec


def targets(spec: Spec, names: Iterable[str]) -> frozenset[Target]:
    """The hosts meant: HOST and POOL mean those of every site, SITE/HOST one.

    Raises ValueError for a name that means nothing, or a host and a pool of which it is not the host's only one.
    """
    hosts: defaultdict[str, set[Target]] = defaultdict(set)
    pools: defaultdict[str, set[Target]] = defaultdict(set)
    for target, _, pool in spec.hosts():
        hosts[target.name].add(target)
        hosts[str(target)].add(target)
        pools[str(pool.name)].add(target)
    found: set[Target] = set()
    for name in names:
        if name not in hosts and name not in pools:
            raise ValueError(f"the document has no host and no pool {name!r}{_meant(name, (*hosts, *pools))}")
        if name in hosts and name in pools and hosts[name] != pools[name]:
            one = min(hosts[name])
            raise ValueError(f"{name!r} is a host and a pool; write {one} for the host, or name the pool's hosts")
        found |= hosts.get(name, set()) | pools.get(name, set())
    return frozenset(found)


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, dict.fromkeys(known), 2)
    return f"; did you mean {' or '.join(near)}?" if near else ""
