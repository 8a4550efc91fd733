"""How a figure is taken: warmed up, then many samples, each long enough to be told from the cost of a launch.

Boundary: calls the device; what the samples are worth is said elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gpucarve.runner.device import Device
from gpucarve.runner.sizes import Sizes

SHORTEST = 0.004  # seconds; a launch costs some 0.000005
MOST_LAUNCHES = 200
LONGEST = 6.0  # seconds that one series may take; a slow device gives fewer samples
FEWEST = 5


WARM = 0.2  # seconds of work before the first sample, for a GPU's clocks to rise
WINDOW = 2.0  # seconds of samples where several devices are to be busy at once


def series(
    device: Device, name: str, work: float, unit: str, launch: Callable[[], None], sizes: Sizes
) -> dict[str, Any]:
    """Samples of `launch`, which does so much work (bytes, hashes) each time. Seconds are those of one launch.

    When the samples were taken is told by the monotonic clock, which the monitor's looks have too.
    """
    device.timed(launch)
    once = device.timed(launch)
    launches = max(1, min(MOST_LAUNCHES, int(SHORTEST / max(once, 1e-7)) + 1))

    def several() -> None:
        for _ in range(launches):
            launch()

    begin = time.monotonic()
    while device.is_gpu and time.monotonic() - begin < WARM:
        device.timed(several)
    if sizes.together:
        time.sleep(sizes.together - time.time() % sizes.together)
    seconds: list[float] = []
    begin = time.monotonic()
    while _more(len(seconds), time.monotonic() - begin, sizes):
        seconds.append(device.timed(several) / launches)
    span = {"began": round(begin, 3), "ended": round(time.monotonic(), 3)}
    return {"name": name, "work": work, "unit": unit, "launches": launches, "seconds": seconds, **span}


def _more(taken: int, passed: float, sizes: Sizes) -> bool:
    if sizes.together and passed < WINDOW:
        return True
    return taken < sizes.samples and (taken < FEWEST or passed < LONGEST)
