"""vGPU types on one GPU: whether the board has them, how many fit, and the instances that MIG-backed ones bring.

Time-sliced: all of one framebuffer size, up to the type's maximum (rules T1 and T4). MIG-backed: each type stands in
instances of its own profile, as many as their number needs; on data-centre boards one vGPU an instance, on RTX PRO
several of one size, whose series may differ (B1 to B6). The guest makes its compute instances.

Boundary: how many of what; which virtual function a slot gets is known only on the host. Sources: NVIDIA AI Enterprise
documentation, vGPU for Compute; NVIDIA/vgpu-device-manager (one kind on a GPU).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from gpucarve.catalog import GpuModel, MigProfile, VgpuMode, VgpuType
from gpucarve.layout import geometry
from gpucarve.layout.cards import Card, counted
from gpucarve.layout.layouts import CutKind, GpuLayout, Slot
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName

_Types: TypeAlias = Mapping[VgpuTypeName, tuple[VgpuType, int]]


def lay_out(card: Card, counts: Mapping[VgpuTypeName, int]) -> GpuLayout | Finding:
    """The slots of one GPU, with the instances that they need; or why it cannot have them."""
    model = card.model
    if model is None:
        return card.not_known()
    if problem := card.behind_nvswitch("vGPU"):
        return problem
    if not model.sriov_vgpu:
        fact = f"{card} does not make vGPUs on virtual functions"
        return card.refused(fact, "this release makes vGPUs through SR-IOV only", "cut another GPU")
    types = _types(card, model, counts)
    if isinstance(types, Finding):
        return types
    sliced = [name for name, (known, _) in types.items() if known.mode is VgpuMode.TIME_SLICED]
    backed = [name for name in types if name not in sliced]
    if sliced and backed:
        fact = f"{card} is to carry {sliced[0]}, which is time-sliced, and {backed[0]}, which is MIG-backed"
        rule = "a GPU is in MIG mode or not, so it carries one kind or the other"
        return card.refused(fact, rule, "put one of the two on another GPU")
    laid_out = _in_instances(card, types) if backed else _time_sliced(card, types)
    return _enough_functions(card, laid_out) if isinstance(laid_out, GpuLayout) else laid_out


def _types(card: Card, model: GpuModel, counts: Mapping[VgpuTypeName, int]) -> _Types | Finding:
    """The types that are asked for, the largest first whatever the document's order: drivers place first come first."""
    found: dict[VgpuTypeName, tuple[VgpuType, int]] = {}
    for name, count in counts.items():
        known = card.catalog.vgpu_type(name)
        if known is None or known.board not in model.boards:
            offered = [each for board in model.boards for each in card.catalog.vgpu_types(board)]
            alike = [
                str(each.name) for each in offered if known is None or each.name.time_sliced == known.name.time_sliced
            ]
            return card.refused(
                f"{card} does not offer {name}", f"it offers {', '.join(alike)}", "choose one of those types"
            )
        found[known.name] = known, count + (found[known.name][1] if known.name in found else 0)
    order = sorted(found, key=lambda name: (-(name.slices or 0), -found[name][0].framebuffer_mib, str(name)))
    return {name: found[name] for name in order}


def _time_sliced(card: Card, types: _Types) -> GpuLayout | Finding:
    known = [each for each, _ in types.values()]
    total = sum(count for _, count in types.values())
    capacity = min(each.max_per_gpu for each in known)
    if len({each.framebuffer_mib for each in known}) > 1:
        both = " and ".join(str(each.name) for each in known)
        fact = f"{card}: {both} differ in framebuffer size"
        rule = (
            "all vGPUs of one GPU have one size, unless it is in mixed-size mode, which this release does not switch on"
        )
        return card.refused(fact, rule, "cut another GPU for the other size")
    if total > capacity:
        fact = f"{card} holds {capacity} of {known[0].name}, {total} are asked for"
        return card.refused(fact, "the driver makes no more", "ask for fewer, or for a smaller type")
    mode, reset = geometry.mode(card, wanted=False)
    return GpuLayout(card.address, CutKind.VGPU, mode, reset, slots=_slots(types, capacity))


def _in_instances(card: Card, types: _Types) -> GpuLayout | Finding:
    wanted: Counter[MigProfileName] = Counter()
    capacity = 0
    for profile, each, total in _shared(card, types):
        if profile is None or each.max_per_gi is None:
            fact = f"how many {each.name} stand in which instance of {card} is not in the catalog"
            fix = "report what `nvidia-smi vgpu -s -v` prints on such a card"
            return card.refused(fact, "a MIG-backed vGPU needs its instance first", fix, Verdict.UNKNOWN)
        needed = -(-total // each.max_per_gi)
        wanted[profile.name] += needed
        capacity += needed * each.max_per_gi
    found = geometry.instances(card, wanted, compute=False)
    if isinstance(found, Finding):
        return found
    mode, reset = geometry.mode(card, wanted=True)
    return GpuLayout(card.address, CutKind.VGPU, mode, reset, instances=found, slots=_slots(types, capacity))


def _shared(card: Card, types: _Types) -> list[tuple[MigProfile | None, VgpuType, int]]:
    """Types that can share an instance, as one: its profile, one of the types, how many vGPUs in all."""
    groups: dict[tuple[str | None, int], tuple[VgpuType, int]] = {}
    for each, count in types.values():
        group = each.gi_profile, each.framebuffer_mib
        groups[group] = each, count + (groups[group][1] if group in groups else 0)
    gpu = card.model.id if card.model else ""
    return [
        (card.catalog.mig_profile(gpu, each.gi_profile) if each.gi_profile else None, each, total)
        for each, total in groups.values()
    ]


def _slots(types: _Types, capacity: int) -> tuple[Slot, ...]:
    return tuple(Slot(str(name), number, capacity) for name, (_, count) in types.items() for number in range(count))


def _enough_functions(card: Card, layout: GpuLayout) -> GpuLayout | Finding:
    """Each vGPU takes a virtual function of its own (rule V1)."""
    total = card.function.total_vfs
    if not total or len(layout.slots) <= total:
        return layout
    fact = f"{card} has {counted(total, 'virtual function')}, {len(layout.slots)} vGPUs are asked for"
    return card.refused(fact, "each vGPU takes one virtual function", "ask for fewer")
