"""`gpucarve twin`: a simulated world in a process of its own, and what is done to it from outside.

Boundary: arguments to `gpucarve.twin`; how the world behaves is told there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.suggesting import SuggestingGroup

if TYPE_CHECKING:
    from gpucarve.model.hosts import Target
    from gpucarve.twin import client

_LONGEST_BOOT = 60  # looks, ten seconds of the world's apart

T = TypeVar("T")

_socket = click.option(
    "--socket", type=click.Path(path_type=Path), envvar="GPUCARVE_WORLD", show_envvar=True, required=True,
    metavar="PATH", help="Where the world listens.",
)  # fmt: skip


@click.group("twin", cls=SuggestingGroup)
def command() -> None:
    """Serve a simulated world to try everything on: no GPU, no root, no machine but this one.

    The built-in world is two bare hosts: cci1/computegpu000 with two A100 PCIe 80GB, and cci1/computegpu001 with a
    Quadro RTX 6000 and a Tesla T4.

    \b
    Example:
      gpucarve twin serve --socket world.sock
    """


@command.command("serve", short_help="Serve the built-in world or a saved one, until interrupted.")
@_socket
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="Let so many seconds pass there in each real one; without it, waiting costs no time.",
)
@click.argument("scene", default="built-in", type=click.Path(path_type=Path), metavar="[WORLD]")
def _serve(socket: Path, speed: float | None, scene: Path) -> None:
    """Serve a world until interrupted: `built-in`, `seed-004` (its first host alone), `rocky-9` (two hosts of the other
    family), or a file that `twin snapshot` wrote.

    \b
    Example:
      gpucarve twin serve --socket world.sock
    """
    import asyncio

    from gpucarve.twin import scenes
    from gpucarve.twin.server import serve
    from gpucarve.twin.worlds import BY_NAME, World

    try:
        by_name = BY_NAME.get(str(scene))
        world = World(by_name() if by_name else scenes.from_text(scene.read_text(encoding="utf-8")), speed=speed)
    except OSError as error:
        raise Misuse(f"{scene} cannot be read: {error.strerror}", "name a file that `twin snapshot` wrote") from error
    except ValueError as error:
        raise Misuse(f"{scene} is not a world: {error}", "name a file that `twin snapshot` wrote") from error

    def listening() -> None:
        hosts = ", ".join(str(target) for target in world.hosts)
        click.echo(f"Serving {hosts} on {socket}; end it with Ctrl-C.", err=True)

    try:
        asyncio.run(_until_signalled(_served(serve(world, socket, listening), world.clock.flow())))
    except FileExistsError as error:
        raise Misuse(str(error), "end it, or choose another path") from error
    except OSError as error:
        raise Misuse(f"{socket} cannot be listened on: {error}", "name a short path in a folder of yours") from error


async def _served(work: Coroutine[Any, Any, None], time: Coroutine[Any, Any, None]) -> None:
    """A host that goes down comes back, also when nobody waits for it."""
    import asyncio

    passing = asyncio.ensure_future(time)
    try:
        await work
    finally:
        passing.cancel()


async def _until_signalled(work: Coroutine[Any, Any, None]) -> None:
    import asyncio
    import signal

    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


@command.command("reboot", short_help="Let a simulated host reboot by itself.")
@_socket
@click.argument("host")
def _reboot(socket: Path, host: str) -> None:
    """Let a simulated host reboot by itself, as a machine does when nobody asked, and wait until it is back.

    \b
    Example:
      gpucarve twin reboot --socket world.sock cci1/computegpu000
    """
    from gpucarve.calls.programs import Refusal
    from gpucarve.twin.errors import Impossible
    from gpucarve.twin.faults import SelfReboot

    async def reboot(world: client.RemoteWorld, target: Target) -> None:
        await world.admin(target).strike(SelfReboot())
        for _ in range(_LONGEST_BOOT):
            await world.clock.sleep(10)
            if not isinstance(await world.host(target).gather(()), Refusal):
                return
        raise Impossible(f"{host} is not back after {_LONGEST_BOOT * 10} seconds of the world's")

    _on_target(socket, host, reboot)


@command.group("guest", cls=SuggestingGroup)
def _guest() -> None:
    """Start and stop virtual machines that use what was carved.

    \b
    Example:
      gpucarve twin guest start --socket world.sock cci1/computegpu000 0000:65:00.0 vm-1
    """


@_guest.command("start", short_help="Start a guest on a vGPU or on a GPU that is passed through.")
@_socket
@click.argument("host")
@click.argument("device")
@click.argument("name")
def _guest_start(socket: Path, host: str, device: str, name: str) -> None:
    """Start the guest NAME with DEVICE: a vGPU's UUID, or a GPU's PCI address.

    An address means the GPU itself where it is passed through, else the first of its vGPUs that is free.

    \b
    Example:
      gpucarve twin guest start --socket world.sock cci1/computegpu000 0000:65:00.0 vm-1
    """
    _on_host(socket, host, lambda admin: admin.start_guest(device, name))


@_guest.command("stop", short_help="Shut a guest down.")
@_socket
@click.argument("host")
@click.argument("name")
def _guest_stop(socket: Path, host: str, name: str) -> None:
    """Shut the guest NAME down.

    \b
    Example:
      gpucarve twin guest stop --socket world.sock cci1/computegpu000 vm-1
    """
    _on_host(socket, host, lambda admin: admin.stop_guest(name))


@command.command("snapshot", short_help="Print the whole world as JSON, to serve it again.")
@_socket
def _snapshot(socket: Path) -> None:
    """Print the whole world as JSON, as it is now; `twin serve` takes it as WORLD.json.

    \b
    Example:
      gpucarve twin snapshot --socket world.sock > world.json
    """
    click.echo(json.dumps(_ask(socket, lambda world: world.snapshot())))


@command.command("history", short_help="Print what was done to a simulated host, as somebody would have typed it.")
@_socket
@click.option("--count", "counted", is_flag=True, help="Say only how many of each.")
@click.argument("host")
def _history(socket: Path, counted: bool, host: str) -> None:
    """Print what gpucarve did to a host, in order, as somebody would have typed it; times are the world's, in seconds.

    What gpucarve keeps for itself on the host is left out, and so is what was only looked at.

    \b
    Example:
      gpucarve twin history --socket world.sock cci1/computegpu000
    """
    from gpucarve.cli.views import deeds

    done = _on_host(socket, host, lambda admin: admin.history())
    if not counted:
        click.echo("".join(f"{line}\n" for line in deeds.lines(done)), nl=False)
    click.echo(f"{host}: {deeds.summary(done)}")


def _on_host(socket: Path, host: str, request: Callable[[client.Admin], Coroutine[Any, Any, T]]) -> T:
    return _on_target(socket, host, lambda world, target: request(world.admin(target)))


def _on_target(socket: Path, host: str, request: Callable[[client.RemoteWorld, Target], Coroutine[Any, Any, T]]) -> T:
    from gpucarve.model.hosts import Target
    from gpucarve.twin.errors import Impossible

    try:
        target = Target.parse(host)
    except ValueError as error:
        raise Misuse(str(error), "name it as site/name, as `gpucarve twin serve` told when it began") from error
    try:
        return _ask(socket, lambda world: request(world, target))
    except Impossible as error:
        raise Misuse(str(error), "`gpucarve discover` shows what is there") from error


def _ask(socket: Path, request: Callable[[client.RemoteWorld], Coroutine[Any, Any, T]]) -> T:
    import asyncio

    from gpucarve.cli.exits import of_error
    from gpucarve.cli.output import Output
    from gpucarve.cli.telling import tell
    from gpucarve.errors import UnreachableError
    from gpucarve.twin import client

    async def ask() -> T:
        world = client.connect(socket)
        try:
            await world.clock.now()  # whether anybody answers
            return await request(world)
        finally:
            await world.close()

    try:
        return asyncio.run(ask())
    except UnreachableError as error:
        tell(error, Output.of("table"))
        raise click.exceptions.Exit(of_error(error)) from error
