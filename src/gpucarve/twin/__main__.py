"""`python -m gpucarve.twin WORLD SOCKET`: hold a world, given by a file or by name, until ended by a signal.

Boundary: arguments to `server.serve`. The socket is there when the world can be asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from gpucarve.twin.scenes import Scene, from_text
from gpucarve.twin.server import serve
from gpucarve.twin.worlds import BY_NAME, World


def main() -> int:
    """64 for a wrong use, 65 for a world file that cannot be read, 1 when the socket cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m gpucarve.twin", description="Hold a simulated world.")
    parser.add_argument("world", help=f"a world file, or one of {', '.join(BY_NAME)}")
    parser.add_argument("socket", type=Path, help="path of the unix socket to listen on")
    parser.add_argument("--speed", type=float, help="at most that many virtual seconds a real second")
    options = parser.parse_args()
    try:
        world = World(_scene(options.world), speed=options.speed)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{options.world}: {error}\n")
        return 65
    try:
        asyncio.run(_serve(world, options.socket))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _scene(name: str) -> Scene:
    return BY_NAME[name]() if name in BY_NAME else from_text(Path(name).read_text())


async def _serve(world: World, path: Path) -> None:
    task = asyncio.ensure_future(serve(world, path))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    sys.exit(main())
