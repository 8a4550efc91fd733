"""GRUB on a Debian-like host: settings to menu, menu to the kernel's command line.

Boundary: text to text. When it runs and what is read from disk is the `update_grub` command's and the boot's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

SETTINGS = "/etc/default/grub"
SETTINGS_FOLDER = "/etc/default/grub.d"
MENU = "/boot/grub/grub.cfg"

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


def settings(texts: Sequence[str]) -> dict[str, str]:
    """The variables after sourcing these files in order. Raises ValueError on a quote that is never closed."""
    found: dict[str, str] = {}
    for text in texts:
        for line in _logical_lines(text):
            match = _ASSIGNMENT.fullmatch(line.strip())
            if match:
                found[match[1]] = _value(match[2], found)
    return found


def _logical_lines(text: str) -> list[str]:
    """Lines without comments, joined where a quote or a backslash runs on."""
    lines: list[str] = []
    pending = ""
    for line in text.splitlines():
        if not pending and line.lstrip().startswith("#"):
            continue
        whole = f"{pending}\n{line}" if pending else line
        try:
            shlex.split(whole, comments=True)
        except ValueError:
            pending = whole
            continue
        pending = ""
        lines.append(whole)
    if pending:
        raise ValueError("Unterminated quoted string")
    return lines


def _value(text: str, known: Mapping[str, str]) -> str:
    """One shell word, with variables expanded outside single quotes."""
    if text.startswith("'"):
        return "".join(shlex.split(text, comments=True)[:1])
    expanded = _REFERENCE.sub(lambda match: known.get(match[1] or match[2], ""), text)
    return "".join(shlex.split(expanded, comments=True)[:1])


def menu(variables: Mapping[str, str], kernels: Sequence[str], root: str) -> str:
    """The menu: a normal and a recovery entry per kernel release, newest first; `root` is the file system's UUID."""
    common, default = variables.get("GRUB_CMDLINE_LINUX", ""), variables.get("GRUB_CMDLINE_LINUX_DEFAULT", "")
    lines = [
        "# written by grub-mkconfig from /etc/grub.d and /etc/default/grub; changes here are lost",
        "### BEGIN /etc/grub.d/00_header ###",
        f'set default="{variables.get("GRUB_DEFAULT", "0")}"',
        f"set timeout={variables.get('GRUB_TIMEOUT', '5')}",
        "### END /etc/grub.d/00_header ###",
        "### BEGIN /etc/grub.d/10_linux ###",
    ]
    for kernel in kernels:
        lines += _entry(f"Debian GNU/Linux, with Linux {kernel}", kernel, root, f"{common} {default}")
        lines += _entry(f"Debian GNU/Linux, with Linux {kernel} (recovery mode)", kernel, root, f"single {common}")
    lines.append("### END /etc/grub.d/10_linux ###")
    return "\n".join(lines) + "\n"


def _entry(title: str, kernel: str, root: str, words: str) -> list[str]:
    return [
        f"menuentry '{title}' --class debian --class gnu-linux {{",
        f"\tsearch --no-floppy --fs-uuid --set=root {root}",
        f"\tlinux\t/boot/vmlinuz-{kernel} root=UUID={root} ro {words}".rstrip(),
        f"\tinitrd\t/boot/initrd.img-{kernel}",
        "}",
    ]


def command_line(menu_text: str) -> str | None:
    """What /proc/cmdline holds when the first entry boots, or None when there is nothing to boot."""
    for line in menu_text.splitlines():
        words = line.split()
        if words[:1] == ["linux"] and len(words) > 1:
            return " ".join([f"BOOT_IMAGE={words[1]}", *words[2:]])
    return None
