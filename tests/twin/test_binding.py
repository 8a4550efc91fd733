"""Binding functions through sysfs, and what a boot, its image and udev's rules do with them."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Remove, WriteValue
from gpucarve.calls.programs import CallState
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import bindings
from gpucarve.model.pci import PciAddress
from tests.twin.bench import GPU, SRIOV_MANAGE, Bench
from tests.twin.second import AUDIO, BLACKLIST, DEVICES, DRIVERS, FUNCTIONS, NATIVE, QUADRO, T4, USB, Keyboard

pytestmark = pytest.mark.anyio

GIVEN = dict.fromkeys(FUNCTIONS, "vfio-pci")


@pytest.fixture
def keyboard() -> Keyboard:
    return Keyboard()


def _take(keyboard: Keyboard, function: str) -> None:
    """A function to vfio-pci, by the book."""
    assert keyboard.run("modprobe", "vfio-pci").status == 0
    assert keyboard.poke(f"{DEVICES}/{function}/driver_override", "vfio-pci") == Done()
    assert keyboard.poke(f"{DRIVERS}/{NATIVE[function]}/unbind", function) == Done()
    assert keyboard.poke("/sys/bus/pci/drivers_probe", function) == Done()


def _refused(reply: Done | Failure) -> FailureKind:
    assert isinstance(reply, Failure), reply
    return reply.kind


async def test_every_function_is_bound_at_boot_to_the_driver_whose_module_loads_for_it(keyboard: Keyboard) -> None:
    assert keyboard.bound(*FUNCTIONS) == NATIVE
    assert {"nouveau", "snd_hda_intel", "xhci_pci", "i2c_nvidia_gpu"} <= set(keyboard.modules)
    assert "nouveau 16384 0 - Live 0x0" in keyboard.text("/proc/modules").splitlines()


async def test_an_override_moves_nothing_that_is_bound(keyboard: Keyboard) -> None:
    keyboard.run("modprobe", "vfio-pci")
    keyboard.poke(f"{DEVICES}/{QUADRO}/driver_override", "vfio-pci")
    keyboard.poke("/sys/bus/pci/drivers_probe", QUADRO)
    assert keyboard.bound(QUADRO) == {QUADRO: "nouveau"}


async def test_an_unbound_function_with_an_override_goes_to_that_driver_alone(keyboard: Keyboard) -> None:
    _take(keyboard, QUADRO)
    assert keyboard.bound(QUADRO, T4) == {QUADRO: "vfio-pci", T4: "nouveau"}
    assert keyboard.text(f"{DEVICES}/{QUADRO}/driver_override") == "vfio-pci\n"


async def test_without_the_module_nobody_takes_it_until_the_module_comes(keyboard: Keyboard) -> None:
    keyboard.poke(f"{DEVICES}/{QUADRO}/driver_override", "vfio-pci")
    keyboard.poke(f"{DRIVERS}/nouveau/unbind", QUADRO)
    assert keyboard.poke("/sys/bus/pci/drivers_probe", QUADRO) == Done()
    assert keyboard.bound(QUADRO) == {}
    keyboard.run("modprobe", "vfio-pci")
    assert keyboard.bound(QUADRO) == {QUADRO: "vfio-pci"}


async def test_a_line_end_takes_the_override_away_and_a_probe_brings_the_driver_back(keyboard: Keyboard) -> None:
    _take(keyboard, QUADRO)
    keyboard.poke(f"{DRIVERS}/vfio-pci/unbind", QUADRO)
    keyboard.poke(f"{DEVICES}/{QUADRO}/driver_override", "\n")
    keyboard.poke("/sys/bus/pci/drivers_probe", QUADRO)
    assert keyboard.text(f"{DEVICES}/{QUADRO}/driver_override") == "(null)\n"
    assert keyboard.bound(QUADRO) == {QUADRO: "nouveau"}


async def test_vfio_pci_takes_nothing_without_an_iommu_group(bench: Bench) -> None:
    bench.hand("modprobe", "vfio-pci")
    bench.host.by_hand(WriteValue(f"{DEVICES}/{GPU}/driver_override", "vfio-pci"))
    bench.host.by_hand(WriteValue(f"{DRIVERS}/nvidia/unbind", GPU))
    assert bench.host.by_hand(WriteValue("/sys/bus/pci/drivers_probe", GPU)) == Done()
    assert GPU not in bench.machine.up.devices.drivers
    assert _refused(bench.host.by_hand(WriteValue(f"{DRIVERS}/vfio-pci/bind", GPU))) is FailureKind.INVALID  # type: ignore[arg-type]  # no command was run


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        (f"{DRIVERS}/vfio-pci/unbind", QUADRO, FailureKind.ABSENT),
        (f"{DRIVERS}/nouveau/unbind", AUDIO, FailureKind.ABSENT),
        (f"{DRIVERS}/nouveau/unbind", "nonsense", FailureKind.ABSENT),
        (f"{DRIVERS}/nouveau/bind", AUDIO, FailureKind.ABSENT),
        (f"{DRIVERS}/nouveau/bind", QUADRO, FailureKind.BUSY),
        ("/sys/bus/pci/drivers_probe", "0000:ff:1f.7", FailureKind.ABSENT),
        (f"{DEVICES}/{QUADRO}/uevent", "sing", FailureKind.INVALID),
    ],
)
async def test_what_makes_no_sense_is_refused_as_the_kernel_does(
    keyboard: Keyboard, path: str, value: str, kind: FailureKind
) -> None:
    keyboard.run("modprobe", "vfio-pci")
    assert _refused(keyboard.poke(path, value)) is kind


async def test_a_driver_waits_for_the_guest_that_has_the_function(keyboard: Keyboard) -> None:
    for each in FUNCTIONS:
        _take(keyboard, each)
    keyboard.host.start_guest(QUADRO, "vm-1")
    unbind = WriteValue(f"{DRIVERS}/vfio-pci/unbind", QUADRO, deadline=60)
    bench = Bench(keyboard.world, keyboard.host.target)
    before = keyboard.world.clock.time
    outcome = await bench.write(unbind)
    assert outcome.state is CallState.FAILED
    assert isinstance(outcome.reply, Failure)
    assert outcome.reply.kind is FailureKind.TIMED_OUT
    assert keyboard.world.clock.time >= before + 60
    assert keyboard.bound(QUADRO) == {QUADRO: "vfio-pci"}


async def test_nvidias_driver_lets_go_of_its_virtual_functions_too(bench: Bench) -> None:
    await bench.make_ready()
    assert bench.host.by_hand(WriteValue(f"{DRIVERS}/nvidia/unbind", GPU)) == Done()
    assert await bench.links(f"{DEVICES}/{GPU}/virtfn*") == {}
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status != 0


async def test_the_unbind_lock_is_granted_for_an_idle_gpu_and_ends_with_the_driver(bench: Bench) -> None:
    lock = f"/proc/driver/nvidia/gpus/{GPU}/unbindLock"

    async def asked(value: str) -> str:
        assert bench.host.by_hand(WriteValue(lock, value)) == Done()
        return await bench.text(lock)

    pid = bench.host.add_process(("nvidia-smi",), ("/dev/nvidiactl", "/dev/nvidia1"))
    assert await asked("1") == "0"
    bench.host.end(pid)
    assert await asked("1") == "1"
    assert await asked("0") == "0"
    assert await asked("1") == "1"
    bench.host.by_hand(WriteValue(f"{DRIVERS}/nvidia/unbind", GPU))
    bench.host.by_hand(WriteValue("/sys/bus/pci/drivers_probe", GPU))
    assert await bench.text(lock) == "0"


# --- at boot


def _rule(keyboard: Keyboard) -> None:
    gpu = PciAddress.parse(QUADRO)
    text = bindings.rule(gpu, tuple(map(PciAddress.parse, FUNCTIONS))).decode()
    keyboard.write(bindings.path(gpu), text)


async def test_our_rule_keeps_what_the_image_does_not_load_for_vfio_pci(keyboard: Keyboard) -> None:
    _rule(keyboard)
    await keyboard.reboot()
    assert keyboard.bound(AUDIO, T4) == {AUDIO: "vfio-pci", T4: "nouveau"}


async def test_a_driver_in_the_image_is_there_before_any_rule(keyboard: Keyboard) -> None:
    _rule(keyboard)
    await keyboard.reboot()
    assert keyboard.bound(QUADRO, USB) == {QUADRO: "nouveau", USB: "xhci_hcd"}
    assert keyboard.text(f"{DEVICES}/{USB}/driver_override") == "vfio-pci\n"


async def test_a_rule_that_the_image_has_taken_in_is_there_before_its_drivers(keyboard: Keyboard) -> None:
    _rule(keyboard)
    assert keyboard.run("update-initramfs", "-u").status == 0
    await keyboard.reboot()
    assert keyboard.bound(*FUNCTIONS) == GIVEN


async def test_a_rule_that_is_gone_from_the_disk_alone_goes_on_from_the_image(keyboard: Keyboard) -> None:
    _rule(keyboard)
    keyboard.run("update-initramfs", "-u")
    keyboard.host.by_hand(Remove(bindings.path(PciAddress.parse(QUADRO))))
    await keyboard.reboot()
    assert keyboard.bound(*FUNCTIONS) == {}
    assert keyboard.text(f"{DEVICES}/{QUADRO}/driver_override") == "vfio-pci\n"


async def test_a_blacklist_that_came_after_the_image_does_not_reach_it(keyboard: Keyboard) -> None:
    keyboard.write(BLACKLIST, "blacklist nouveau\n")
    await keyboard.reboot()
    assert keyboard.bound(QUADRO, T4) == {QUADRO: "nouveau", T4: "nouveau"}


async def test_with_the_image_made_anew_the_blacklist_holds_from_the_start(keyboard: Keyboard) -> None:
    keyboard.write(BLACKLIST, "blacklist nouveau\n")
    assert keyboard.run("update-initramfs", "-u", "-k", "all").status == 0
    await keyboard.reboot()
    assert keyboard.bound(QUADRO, T4) == {}
    assert "nouveau" not in keyboard.modules


async def test_the_kernels_command_line_reaches_the_image(keyboard: Keyboard) -> None:
    settings = keyboard.text("/etc/default/grub").replace('"quiet"', '"quiet modprobe.blacklist=nouveau"')
    keyboard.write("/etc/default/grub", settings)
    assert keyboard.run("update-grub").status == 0
    await keyboard.reboot()
    assert keyboard.bound(QUADRO) == {}


async def test_a_machine_whose_image_has_no_graphics_needs_no_new_image(keyboard: Keyboard) -> None:
    keyboard.write("/etc/initramfs-tools/conf.d/splash", "")
    keyboard.run("update-initramfs", "-u")
    keyboard.write(BLACKLIST, "blacklist nouveau\n")
    await keyboard.reboot()
    assert keyboard.bound(QUADRO) == {}


@pytest.mark.parametrize(
    ("path", "text", "loaded"),
    [
        ("/etc/modules-load.d/x.conf", "vfio-pci\n", True),
        ("/etc/modules-load.d/x.conf", "# vfio-pci\n", False),
        ("/etc/modules-load.d/x", "vfio-pci\n", False),
    ],
)
async def test_modules_load_d_names_modules_for_every_boot(
    keyboard: Keyboard, path: str, text: str, loaded: bool
) -> None:
    keyboard.write(path, text)
    await keyboard.reboot()
    assert ("vfio_pci" in keyboard.modules) is loaded


async def test_a_blacklisted_module_is_not_loaded_at_boot_although_it_is_named(keyboard: Keyboard) -> None:
    keyboard.write("/etc/modules-load.d/x.conf", "vfio-pci\n")
    keyboard.write("/etc/modprobe.d/x.conf", "blacklist vfio-pci\n")
    await keyboard.reboot()
    assert "vfio_pci" not in keyboard.modules


async def test_an_add_event_loads_the_module_that_knows_the_function_unless_it_is_kept_out(keyboard: Keyboard) -> None:
    keyboard.write("/etc/modprobe.d/x.conf", "blacklist snd_hda_intel\n")
    await keyboard.reboot()
    for kept_out, bound in (("blacklist snd-hda-intel\n", {}), ("", {AUDIO: "snd_hda_intel"})):
        keyboard.write("/etc/modprobe.d/x.conf", kept_out)
        keyboard.poke(f"{DEVICES}/{AUDIO}/uevent", "add")
        assert keyboard.bound(AUDIO) == bound


# --- tools


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("modprobe", "vfio-pci"), 0),
        (("modprobe", "no-such-module"), 1),
        (("update-initramfs", "-x"), 1),
        (("lsinitramfs", "/boot/nothing"), 1),
        (("udevadm", "control", "--reload"), 0),
        (("udevadm", "sing"), 1),
        (("sh", "-c", "reboot"), 127),
    ],
)
async def test_tools_end_as_the_real_ones(keyboard: Keyboard, argv: tuple[str, ...], status: int) -> None:
    assert keyboard.run(*argv).status == status


async def test_a_blacklist_counts_for_a_module_by_name_with_b_alone(keyboard: Keyboard) -> None:
    keyboard.write("/etc/modprobe.d/x.conf", "blacklist vfio-pci\n")
    keyboard.run("modprobe", "-b", "vfio-pci")
    assert "vfio_pci" not in keyboard.modules
    keyboard.run("modprobe", "vfio-pci")
    assert "vfio_pci" in keyboard.modules


async def test_an_install_line_that_does_nothing_forbids_a_module_altogether(keyboard: Keyboard) -> None:
    keyboard.write("/etc/modprobe.d/x.conf", "install vfio-pci /bin/false\n")
    assert keyboard.run("modprobe", "vfio-pci").status == 1


async def test_an_image_is_listed_with_its_modules_and_its_configuration(keyboard: Keyboard) -> None:
    keyboard.write(BLACKLIST, "blacklist nouveau\n")
    place = next(path for path in keyboard.host.machine.files.nodes if path.startswith("/boot/initrd.img-"))
    before = keyboard.run("lsinitramfs", place).text()
    assert "/nouveau.ko\n" in before
    assert BLACKLIST.lstrip("/") not in before
    keyboard.run("update-initramfs", "-u")
    assert BLACKLIST.lstrip("/") in keyboard.run("lsinitramfs", place).text().splitlines()
