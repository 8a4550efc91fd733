"""Words of the grammar that this release reads and refuses: platforms and cuts that are still to come.

Boundary: words and what to say about them. They are refused by name, since `unknown key` would be a lie about a word
that the documentation of a later release explains. A word leaves this list when the models learn it.
"""

from __future__ import annotations

_VALUES: dict[str, tuple[frozenset[str], str, str]] = {
    "sites.platform": (
        frozenset({"kubernetes", "openshift", "microshift", "openstack"}),
        "this release changes plain Linux hosts only",
        "write `platform: linux` for hosts that are reached over SSH",
    ),
}
_CUT_KINDS = frozenset({"shared"})
_KEYS: dict[str, tuple[frozenset[str], str, str]] = {
    "sites": (
        frozenset({"release", "drivers"}),
        "this release changes plain Linux hosts with the driver they have",
        "remove it",
    ),
    "sites.access": (
        frozenset({"cloud", "kayobe", "kubeconfig"}),
        "this release reaches hosts over SSH only",
        "write `access: {ssh: {user: admin}}`",
    ),
    "sites.pools": (
        frozenset({"offer"}),
        "this release makes GPUs ready and offers them to no scheduler",
        "remove it",
    ),
    "sites.pools.nodes": (frozenset({"selector", "labels"}), "nodes are chosen by name only", "write `names: [...]`"),
    "sites.pools.cut": (
        _CUT_KINDS,
        "a GPU of a plain Linux host is shared by cutting it",
        "write `mig: {1g.10gb: 7}`, or `whole: true` for one container at a time",
    ),
}


def value(place: str, word: str) -> tuple[str, str] | None:
    """Reason and hint for a word that a later release will take at `place` (a path without indices)."""
    words, reason, hint = _VALUES.get(place, (frozenset(), "", ""))
    return (reason, hint) if word in words else None


def key(place: str, word: str) -> tuple[str, str] | None:
    """Reason and hint for a key that a later release will take in the mapping at `place`."""
    words, reason, hint = _KEYS.get(place, (frozenset(), "", ""))
    return (reason, hint) if word in words else None


def is_cut_kind(word: str) -> bool:
    """Whether the word will say what a GPU becomes."""
    return word in _CUT_KINDS


def words() -> tuple[str, ...]:
    """Every word that is refused for now."""
    return tuple(sorted(word for group in (*_VALUES.values(), *_KEYS.values()) for word in group[0]))
