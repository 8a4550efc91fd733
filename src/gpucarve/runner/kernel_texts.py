"""The kernels' texts, from the folder or the archive that this program stands in.

Boundary: reads this package's own data.
"""

from __future__ import annotations

import pkgutil

from gpucarve.runner.refusals import Refused


def ptx(source: str) -> bytes:
    """Compiled ahead for every GPU from Maxwell on; ends with the NUL that the driver wants."""
    return _data(f"kernels/{source}.ptx") + b"\0"


def opencl(source: str) -> bytes:
    """OpenCL C."""
    return _data("kernels/dialect.h") + _data(f"kernels/{source}.c")


def _data(name: str) -> bytes:
    found = pkgutil.get_data("gpucarve.runner", name)
    if found is None:
        raise Refused(f"{name} is not part of this installation", "the kernels come with gpucarve", "install it again")
    return found
