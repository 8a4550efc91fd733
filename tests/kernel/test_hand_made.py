"""A host as the StackHPC role for vGPU leaves it is adopted without a write to anything, and let go of again.

What the role leaves is made here by steps of our own: kernel arguments, a udev rule that lets units wait for a GPU, a
unit a GPU for its virtual functions, a unit for MIG, definitions for mdevctl and a unit for each of them. Sources:
stackhpc/ansible-collection-linux, roles `iommu` and `vgpu`; the StackHPC Kayobe guide for vGPU (the cut, the types).
NVIDIA's MIG manager is not there: a script of the bench's asserts the geometry in its place.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid5

from gpucarve.model.changes import Action
from gpucarve.plan.plans import Purpose
from tests.kernel.cards import CARDS, card
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, traces
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.story.kinds import KINDS

# Version 5 of UUID in Ansible's namespace, from each virtual function's address: the filter `to_uuid`.
DEFINED = (
    ("4", "nvidia-700"),
    ("5", "nvidia-700"),
    ("6", "nvidia-700"),
    ("7", "nvidia-699"),
)
# Debian has mdevctl in /usr/bin; the role's units count on /usr/sbin, and say nothing where it is not there.
_ROLE = r"""
gpu={gpu}
[ -e /usr/sbin/mdevctl ] || ln -s /usr/bin/mdevctl /usr/sbin/mdevctl
umask 077
printf '%s\n' 'ACTION=="add", SUBSYSTEM=="pci", DRIVER=="nvidia", TAG+="systemd"' \
    >/etc/udev/rules.d/50-nvidia-systemd.rules
chmod 664 /etc/udev/rules.d/50-nvidia-systemd.rules
udevadm control --reload
udevadm trigger --action=add --settle /sys/bus/pci/devices/$gpu
device=$(systemd-escape -p "$(realpath /sys/bus/pci/devices/$gpu)").device
cat >/etc/systemd/system/nvidia-sriov-$gpu.service <<END
[Unit]
Description=Virtual functions of $gpu
DefaultDependencies=no
Before=nvidia-mig-manager.service
After=local-fs.target $device
Wants=$device

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/nvidia/sriov-manage -e $gpu

[Install]
WantedBy=multi-user.target
RequiredBy=nvidia-mig-manager.service
END
mkdir -p /etc/systemd/system/nvidia-mig-manager.service.d /etc/nvidia-mig-manager
cat >/usr/local/sbin/bench-mig-manager <<END
#!/bin/sh
nvidia-smi mig -i $gpu -lgi | grep -q 'MIG [1-7]g' || nvidia-smi mig -i $gpu -cgi 14,14,14,19
END
chmod 755 /usr/local/sbin/bench-mig-manager
cat >/usr/lib/systemd/system/nvidia-mig-manager.service <<END
[Unit]
Description=Geometry of MIG, as a stand-in asserts it

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/bench-mig-manager

[Install]
WantedBy=multi-user.target
END
cat >/etc/systemd/system/nvidia-mig-manager.service.d/override.conf <<END
[Service]
Environment=MIG_PARTED_CONFIG_FILE=/etc/nvidia-mig-manager/kayobe.yaml
Environment=MIG_PARTED_SELECTED_CONFIG=default
RemainAfterExit=yes
END
cat >/etc/nvidia-mig-manager/kayobe.yaml <<END
version: v1
mig-configs:
  default:
    - devices: [0]
      mig-enabled: true
      mig-devices: {{"1g.10gb": 1, "2g.20gb": 3}}
END
nvidia-smi -i $gpu -mig 1 >/dev/null
nvidia-smi --gpu-reset -i $gpu >/dev/null || true
systemctl daemon-reload
systemctl enable -q --now nvidia-sriov-$gpu.service nvidia-mig-manager.service
"""
_VGPU = r"""
vf={vf} type={type} uuid={uuid}
umask 077
mkdir -p -m 770 /etc/mdevctl.d/$vf
printf '{{\n  "mdev_type": "%s",\n  "start": "manual",\n  "attrs": []\n}}\n' $type >/etc/mdevctl.d/$vf/$uuid
cat >/etc/systemd/system/nvidia-mdev@$uuid.service <<'END'
[Unit]
Description=Mediated device %i
After=nvidia-mig-manager.service
Requires=nvidia-mig-manager.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/sbin/mdevctl start --uuid %i

[Install]
WantedBy=multi-user.target
END
systemctl enable -q --now nvidia-mdev@$uuid.service
"""


def uuid_of(function: str) -> str:
    """What the role's filter makes of an address."""
    return str(uuid5(UUID("361E6D51-FAEC-444A-9079-341386DA8E2E"), function))


def as_the_role_leaves_it(guest: Guest) -> None:
    """Carve the GPU as the role does, with the IOMMU on before."""
    guest.shell(_ROLE.format(gpu=GPU), timeout=300)
    for number, type_id in DEFINED:
        function = GPU.removesuffix("0") + number
        guest.shell(_VGPU.format(vf=function, type=type_id, uuid=uuid_of(function)))


def test_a_host_of_the_role_s_is_adopted_with_no_write_to_it_outlives_its_own_boot_and_is_let_go_of(
    pair: Guest, tmp_path: Path
) -> None:
    as_the_role_leaves_it(pair)
    assert card(pair) == CARDS["mig-backed"]
    lab = GuestLab(pair, tmp_path, cut=KINDS["mig-backed"])
    survey, before = lab.survey(), traces(pair, ours=False)
    assert "gpucarve adopt" in " ".join(each.sentence() for each in survey.problems)
    adopting = lab.survey(Purpose.ADOPT).draft.plan
    assert {step.action for step in adopting.steps} == {Action.ADOPT}
    assert lab.run(Purpose.ADOPT).done
    assert traces(pair, ours=False) == before
    assert lab.stands()
    assert lab.survey().draft.plan.stages == ()
    pair.reboot()
    pair.shell("systemctl is-system-running --wait || true", timeout=300)
    assert card(pair) == CARDS["mig-backed"], "its own units bring it back"
    assert lab.stands()
    before = traces(pair, ours=False)
    assert lab.run(Purpose.ROLLBACK).done
    assert traces(pair, ours=False) == before
    assert pair.shell("ls /var/lib/gpucarve/claims") == ""
