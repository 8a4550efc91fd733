"""How a figure is taken: warmed up, then many samples, each long enough to be told from the cost of a launch.

Boundary: calls the device; what the samples are worth is said elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gpucarve.runner.device import Device

SHORTEST = 0.004  # seconds; a launch costs some 0.000005
MOST_LAUNCHES = 200
LONGEST = 6.0  # seconds that one series may take; a slow device gives fewer samples
FEWEST = 5


def series(
    device: Device, name: str, work: float, unit: str, launch: Callable[[], None], samples: int
) -> dict[str, Any]:
    """Samples of `launch`, which does so much work (bytes, hashes) each time. Seconds are those of one launch."""
    device.timed(launch)
    once = device.timed(launch)
    launches = max(1, min(MOST_LAUNCHES, int(SHORTEST / max(once, 1e-7)) + 1))

    def several() -> None:
        for _ in range(launches):
            launch()

    seconds: list[float] = []
    begin = time.monotonic()
    while len(seconds) < samples and (len(seconds) < FEWEST or time.monotonic() - begin < LONGEST):
        seconds.append(device.timed(several) / launches)
    return {"name": name, "work": work, "unit": unit, "launches": launches, "seconds": seconds}
