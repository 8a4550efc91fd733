"""Our udev rules."""

from __future__ import annotations

from gpucarve.facts import bindings
from gpucarve.model.pci import PciAddress
from tests.facts.answers import Content, known

GPU, AUDIO = PciAddress.parse("0000:65:00.0"), PciAddress.parse("0000:65:00.1")


def test_a_rule_names_every_function_by_its_address_while_it_is_nvidia_s() -> None:
    lines = bindings.rule(GPU, (GPU, AUDIO)).decode().splitlines()
    assert [line.split(", ")[2] for line in lines[1:]] == [f'KERNEL=="{GPU}"', f'KERNEL=="{AUDIO}"']
    assert all('ATTR{vendor}=="0x10de", ATTR{driver_override}="vfio-pci"' in line for line in lines[1:])


def test_rules_are_found_by_gpu_and_those_of_others_passed_over() -> None:
    text = bindings.rule(GPU, (GPU,)).decode()
    files: dict[str, Content] = {
        bindings.path(GPU): text,
        "/etc/udev/rules.d/40-gpucarve-notes.rules": "# mine\n",
        "/etc/udev/rules.d/40-vfio.rules": "# mine\n",
    }
    assert known(bindings.PROBE, files).rules == {GPU: text.encode()}
