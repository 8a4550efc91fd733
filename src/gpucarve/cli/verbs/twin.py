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
    from gpucarve.twin import client

T = TypeVar("T")

_socket = click.option(
    "--socket", type=click.Path(path_type=Path), envvar="GPUCARVE_WORLD", show_envvar=True, required=True,
    metavar="PATH", help="Where the world listens.",
)  # fmt: skip


@click.group("twin", cls=SuggestingGroup)
def command() -> None:
    """Serve a simulated world to try everything on: no GPU, no root, no machine but this one.

    The built-in world is one bare host, cci1/computegpu000, with two A100 PCIe 80GB.

    \b
    Example:
      gpucarve twin serve --socket world.sock
    """


@command.command("serve", short_help="Serve the built-in world or a saved one, until interrupted.")
@_socket
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="Let at most so many seconds pass there in each real one; without it, waiting costs no time.",
)
@click.argument("scene", required=False, type=click.Path(path_type=Path), metavar="[WORLD.json]")
def _serve(socket: Path, speed: float | None, scene: Path | None) -> None:
    """Serve the built-in world, or one that `twin snapshot` saved, until interrupted.

    \b
    Example:
      gpucarve twin serve --socket world.sock
    """
    import asyncio

    from gpucarve.twin import scenes
    from gpucarve.twin.server import serve
    from gpucarve.twin.worlds import World, seed_004_scene

    try:
        world = World(scenes.from_text(scene.read_text(encoding="utf-8")) if scene else seed_004_scene(), speed=speed)
    except OSError as error:
        raise Misuse(f"{scene} cannot be read: {error.strerror}", "name a file that `twin snapshot` wrote") from error
    except ValueError as error:
        raise Misuse(f"{scene} is not a world: {error}", "name a file that `twin snapshot` wrote") from error
    hosts = ", ".join(str(target) for target in world.hosts)
    click.echo(f"Serving {hosts} on {socket}; end it with Ctrl-C.", err=True)
    try:
        asyncio.run(_until_signalled(serve(world, socket)))
    except OSError as error:
        raise Misuse(f"{socket} cannot be listened on: {error}", "name a short path in a folder of yours") from error


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
    """Let a simulated host reboot by itself, as a machine does when nobody asked.

    \b
    Example:
      gpucarve twin reboot --socket world.sock cci1/computegpu000
    """
    from gpucarve.model.hosts import Target
    from gpucarve.twin.faults import SelfReboot

    try:
        target = Target.parse(host)
    except ValueError as error:
        raise Misuse(str(error), "name it as site/name, as `gpucarve twin serve` told when it began") from error

    async def reboot(world: client.RemoteWorld) -> None:
        hosts = (await world.snapshot())["hosts"]
        if host not in hosts:
            raise Misuse(f"this world has no host {host}", f"it has {', '.join(hosts)}")
        await world.admin(target).strike(SelfReboot())

    _ask(socket, reboot)


@command.command("snapshot", short_help="Print the whole world as JSON, to serve it again.")
@_socket
def _snapshot(socket: Path) -> None:
    """Print the whole world as JSON, as it is now; `twin serve` takes it as WORLD.json.

    \b
    Example:
      gpucarve twin snapshot --socket world.sock > world.json
    """
    click.echo(json.dumps(_ask(socket, lambda world: world.snapshot())))


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
