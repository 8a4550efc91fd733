"""The second built-in host, bare, with short ways to act on it as somebody at the keyboard."""

from __future__ import annotations

from gpucarve.calls.primitives import Run, WriteFile, WriteValue
from gpucarve.calls.replies import Done, Exited, Failure
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.sight import view
from gpucarve.twin.worlds import SECOND_HOST, World, built_in_scene

QUADRO, AUDIO, USB, UCSI = (f"0000:41:00.{number}" for number in range(4))
T4 = "0000:81:00.0"
FUNCTIONS = (QUADRO, AUDIO, USB, UCSI)
NATIVE = {QUADRO: "nouveau", AUDIO: "snd_hda_intel", USB: "xhci_hcd", UCSI: "nvidia-gpu"}
DEVICES, DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers"
BLACKLIST = "/etc/modprobe.d/no-nouveau.conf"


class Keyboard:
    """Somebody at the second host."""

    def __init__(self) -> None:
        self.world = World(built_in_scene())
        self.host: SimulatedHost = self.world.hosts[SECOND_HOST]

    def run(self, *argv: str) -> Exited:
        """A command."""
        reply = self.host.by_hand(Run(argv))
        assert isinstance(reply, Exited), reply
        return reply

    def write(self, path: str, text: str) -> None:
        """A file."""
        assert self.host.by_hand(WriteFile(path, text.encode())) == Done()

    def poke(self, path: str, value: str) -> Done | Failure:
        """A value into sysfs."""
        reply = self.host.by_hand(WriteValue(path, value))
        assert not isinstance(reply, Exited)
        return reply

    async def reboot(self) -> None:
        """Down and up again."""
        assert self.run("systemctl", "reboot").status == 0
        await self.world.clock.sleep(100)

    @property
    def modules(self) -> tuple[str, ...]:
        """What is loaded."""
        return self.host.machine.up.devices.modules

    def bound(self, *functions: str) -> dict[str, str]:
        """The drivers of these functions; unbound ones are left out."""
        drivers = self.host.machine.up.devices.drivers
        return {each: drivers[each] for each in functions if each in drivers}

    def text(self, path: str) -> str:
        """A file as it reads."""
        return view(self.host.machine).file(path).content.decode()

    def there(self, path: str) -> bool:
        """Whether something stands there."""
        return view(self.host.machine).exists(path)
