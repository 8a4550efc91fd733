"""What `nvidia-smi` prints without arguments, and with `--query-gpu=... --format=csv`.

In the table a GPU has two lines: number, name and PCI address; then temperature, power and memory. With CSV the first
line names the columns, units in brackets.

Boundary: lines to facts; nothing is measured there.
"""

from __future__ import annotations

import re
from typing import Any

from gpucarve.bench.outputs.parts import Part
from gpucarve.bench.reports import DeviceFacts

_HEAD = re.compile(r"NVIDIA-SMI ([\d.]+)\s+Driver Version: ([\d.]+)\s+CUDA Version: ([\d.]+|N/A)")
_FIRST = re.compile(r"\|\s+(\d+)\s+(\S.*?)\s+(?:On|Off|N/A)\s*\|\s+([0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d)")
_SECOND = re.compile(r"\|.*?(\d+)C\s+P\d+\s+(\d+|N/A)W? / +(\d+|N/A)W?\s*\|\s+(\d+)MiB / +(\d+)MiB")
_COLUMN = re.compile(r"([\w.]+)(?: \[(\w+)\])?")
_MOST_COLUMNS = 200


def parse(lines: list[str]) -> Part:
    """The GPUs of a table or of a CSV listing."""
    driver = next((match[2] for line in lines if (match := _HEAD.search(line))), "")
    devices = _table(lines, driver) if driver else _csv(lines)
    return Part(f"nvidia-smi {driver}".strip() if devices else "", devices)


def _table(lines: list[str], driver: str) -> tuple[DeviceFacts, ...]:
    devices: list[DeviceFacts] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        first = _FIRST.match(line.strip())
        if first is None:
            continue
        facts: dict[str, Any] = {"driver": driver, "pci_address": first[3].lower()}
        if second := _SECOND.match(following.strip()):
            facts |= {"celsius": int(second[1]), "memory_used_mib": int(second[4]), "memory_mib": int(second[5])}
            facts |= {
                name: int(text) for name, text in (("watts", second[2]), ("watts_limit", second[3])) if text.isdigit()
            }
        devices.append(DeviceFacts(first[2], "nvidia-smi", facts))
    return tuple(devices)


def _csv(lines: list[str]) -> tuple[DeviceFacts, ...]:
    rows = [line.split(", ")[:_MOST_COLUMNS] for line in lines if line]
    head = next((place for place, row in enumerate(rows) if "name" in row and _are_columns(row)), None)
    if head is None:
        return ()
    columns = rows[head]
    found = [dict(zip(columns, row, strict=True)) for row in rows[head + 1 :] if len(row) == len(columns)]
    return tuple(DeviceFacts(row["name"], "nvidia-smi", row) for row in found)


def _are_columns(row: list[str]) -> bool:
    return len(row) > 1 and all(_COLUMN.fullmatch(column) for column in row)
