"""The order on a host that every plan obeys.

Taking away runs before the boot loader and the reboot, building up after it; advertising comes last. Enabling
virtual functions wipes MIG instances, and a reboot wipes virtual functions, instances and vGPUs: hence this order.

Boundary: an enumeration.
"""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """Stages run from the lowest to the highest; what stands in one may run in one program."""

    WITHDRAW = 10  # labels, allow-lists
    QUIESCE = 15  # GPU clients stop, for what is taken away
    REMOVE_VGPUS = 20
    REMOVE_GPU_INSTANCES = 25
    DISABLE_VIRTUAL_FUNCTIONS = 30
    RELEASE_PASSTHROUGH = 33  # before the MIG mode, which NVIDIA's driver alone can tell and set
    LEAVE_MIG_MODE = 36
    BOOT = 40  # kernel arguments, modules, boot units; ends in the one reboot, where one is needed
    QUIESCE_AGAIN = 42  # GPU clients stop, for what is built up: a reboot has started them
    SET_MIG_MODE = 44
    BIND_PASSTHROUGH = 47
    ENABLE_VIRTUAL_FUNCTIONS = 50
    CREATE_GPU_INSTANCES = 55
    CREATE_VGPUS = 60
    RESUME_CLIENTS = 65
    ADVERTISE = 70
    REPORT = 80  # what the platform must show in the end

    @property
    def barrier(self) -> str:
        """Why the stages after this one are only predicted until it has passed; empty where they are not."""
        return {
            Stage.BOOT: "the host has rebooted",
            Stage.SET_MIG_MODE: "the MIG mode can be seen",
            Stage.ENABLE_VIRTUAL_FUNCTIONS: "the virtual functions can be seen",
            Stage.CREATE_GPU_INSTANCES: "the GPU instances can be seen",
            Stage.REPORT: "the platform reports it",
        }.get(self, "")
