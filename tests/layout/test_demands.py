"""A pool's demand on the GPUs that its hosts show: a layout for each host, or the reasons of the whole pool."""

from __future__ import annotations

from dataclasses import replace

from gpucarve import catalog, spec
from gpucarve.facts import mig, ours, users
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout import demands
from gpucarve.layout.layouts import CutKind, HostLayout
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target
from tests.house.tracked import ROOT
from tests.layout.hosts import GPU, claim_of, function, host, spots, standing

ONE, TWO = Target("edge", "a30-1"), Target("edge", "a30-2")
SECOND = "0000:17:00.0"


def _pool(*wants: str, workload: str = "container", names: str = "a30-1, a30-2") -> spec.Pool:
    lines = "".join(f"\n          - {{{each}}}" for each in wants)
    text = f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: edge
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: pool
        nodes: {{names: [{names}]}}
        workload: {workload}
        demand:{lines}
"""
    return spec.load(text, "fleet.yaml").sites[0].pools[0]


def _on(target: Target, observed: Observed) -> Observed:
    return replace(observed, target=target)


def _a30(target: Target, *there: str, claims: bool = True, by: users.Users | None = None) -> Observed:
    told = (standing(*there),) if there else ()
    own = {claim_of(each): {"kind": "gpu-instance"} for each in there} if claims else {}
    seen = host(function(str(GPU), "A30"), told=told, claims=own)
    return _on(target, replace(seen, facts={**seen.facts, users.PROBE.name: by or users.Users()}))


def _fitted(pool: spec.Pool, *observed: Observed) -> dict[Target, list[str]]:
    found = demands.lay_out(pool, {each.target: each for each in observed}, catalog.load()).layouts
    assert all(isinstance(each, HostLayout) for each in found.values()), found
    return {
        t: [s for gpu in each.gpus for s in spots(gpu)] for t, each in found.items() if isinstance(each, HostLayout)
    }


def _refused(pool: spec.Pool, *observed: Observed, silent: tuple[Target, ...] = ()) -> list[Finding]:
    found = demands.lay_out(pool, {each.target: each for each in observed}, catalog.load(), silent).layouts
    assert not any(isinstance(each, HostLayout) for each in found.values()), found
    return [finding for each in found.values() if not isinstance(each, HostLayout) for finding in each]


def test_a_demand_is_spread_over_the_hosts_of_its_pool() -> None:
    found = _fitted(_pool("mig: 1g.6gb, count: 6", "mig: 2g.12gb, count: 1"), _a30(ONE), _a30(TWO))
    profiles = sorted(each.partition("@")[0] for there in found.values() for each in there)
    assert profiles == ["1g.6gb"] * 6 + ["2g.12gb"]
    assert all(found.values())


def test_what_stands_keeps_its_place_wherever_it_is() -> None:
    pool = _pool("mig: 1g.6gb, count: 2", "mig: 2g.12gb, count: 1")
    found = _fitted(pool, _a30(ONE, "1g.6gb@1:1"), _a30(TWO, "1g.6gb@3:1"))
    assert {"1g.6gb@1:1"} <= set(found[ONE])
    assert {"1g.6gb@3:1"} <= set(found[TWO])


def test_a_claim_holds_the_place_of_what_a_reboot_has_taken() -> None:
    gone = host(function(str(GPU), "A30"), claims={claim_of("1g.6gb@2:1"): {"kind": "gpu-instance"}})
    found = _fitted(_pool("mig: 1g.6gb, count: 1"), _on(ONE, gone), _a30(TWO))
    assert found == {ONE: ["1g.6gb@2:1"], TWO: []}


def test_what_others_made_is_not_built_over() -> None:
    found = _fitted(_pool("mig: 4g.24gb, count: 1"), _a30(ONE, "1g.6gb@1:1", claims=False), _a30(TWO))
    assert found == {ONE: [], TWO: ["4g.24gb@0:4"]}


def test_what_a_process_uses_does_not_move_and_the_refusal_names_it() -> None:
    busy = users.Users({GPU: (users.User(1, "", command="python3"),)})
    (refusal,) = _refused(
        _pool("mig: 4g.24gb, count: 1", "mig: 1g.6gb, count: 1", names="a30-1"),
        _a30(ONE, "1g.6gb@1:1", by=busy),
    )
    assert "do not hold" in refusal.fact
    assert "4g.24gb needs 4 compute slices, 3 are free" in refusal.rule


def test_a_refusal_offers_the_moves_that_would_make_room() -> None:
    busy = users.Users({GPU: (users.User(1, "", command="python3"),)})
    (refusal,) = _refused(
        _pool("mig: 2g.12gb, count: 1", "mig: 1g.6gb, count: 2", names="a30-1"),
        _a30(ONE, "1g.6gb@1:1", "1g.6gb@2:1", by=busy),
    )
    assert "0:2 overlaps 1g.6gb at 1, 2:2 overlaps 1g.6gb at 2" in refusal.rule
    assert refusal.fix.startswith("these moves would make room: 1g.6gb on edge/a30-1 ")


def test_a_fact_that_cannot_be_read_leaves_the_whole_pool_without_a_layout() -> None:
    pool = _pool("mig: 1g.6gb, count: 1")
    for probe in (mig.PROBE.name, ours.PROBE.name, "pci"):
        blind = _a30(ONE)
        blind = replace(blind, facts={**blind.facts, probe: Unknown("no right to")})
        first, second = _refused(pool, blind, _a30(TWO))
        assert (first.target, first.verdict) == (ONE, Verdict.UNKNOWN)
        assert (second.target, second.verdict) == (TWO, Verdict.UNKNOWN)
        assert "because of another host" in second.fact


def test_a_host_that_does_not_answer_leaves_the_others_waiting() -> None:
    (only,) = _refused(_pool("mig: 1g.6gb, count: 1"), _a30(ONE), silent=(TWO,))
    assert (only.target, only.verdict) == (ONE, Verdict.UNKNOWN)


def test_whole_and_passthrough_gpus_are_counted_as_such() -> None:
    two = host(function(str(GPU), "A30"), function(SECOND, "A30", iommu_group=2))
    for want, workload, kind in (
        ("whole: true, count: 1", "container", CutKind.WHOLE),
        ("passthrough: true, count: 1", "vm-passthrough", CutKind.PASSTHROUGH),
    ):
        found = demands.lay_out(
            _pool(want, workload=workload, names="a30-1"), {ONE: _on(ONE, two)}, catalog.load()
        ).layouts
        layout = found[ONE]
        assert isinstance(layout, HostLayout)
        assert [each.kind for each in layout.gpus] == [kind]


def test_tenants_of_the_shipped_example_share_no_card_and_a_size_finds_its_board() -> None:
    file = ROOT / "examples" / "fitted" / "fleet.yaml"
    pools = {each.name: each for each in spec.load(file.read_text(), file.name).sites[0].pools}
    a40 = host(*(function(each, "A40", total_vfs=32) for each in (str(GPU), SECOND, "0000:18:00.0")))
    a10 = host(function(str(GPU), "2236", total_vfs=32))
    hosts = {Target("edge", "a40-1"): a40, Target("edge", "a10-1"): a10}
    seen = {target: _on(target, each) for target, each in hosts.items()}
    found = demands.lay_out(pools["desktops"], seen, catalog.load()).layouts
    layouts = [gpu for each in found.values() if isinstance(each, HostLayout) for gpu in each.gpus]
    names = [sorted(slot.type_name for slot in gpu.slots) for gpu in layouts]
    assert sorted(names) in ([["A10-8Q"] * 3, ["A40-12Q"] * 3], [["A40-12Q"] * 3, ["A40-8Q"] * 3])


def test_a_card_that_makes_no_vgpus_on_virtual_functions_is_left_out_on_a_host() -> None:
    pool = _pool("vgpu: T4-16Q, count: 1", workload="vm-vgpu", names="a30-1")
    (refusal,) = _refused(pool, _on(ONE, host(function(str(GPU), "T4"))))
    assert "do not hold 1 of T4-16Q" in refusal.fact
