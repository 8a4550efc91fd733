"""The archive that travels, with a text in it changed, to see that what is wrong is found out."""

from __future__ import annotations

import io
import zipfile

from gpucarve.app import benches


def spoiled(name: str, slips: dict[str, str]) -> bytes:
    """The archive with one text in it changed, right to wrong; each right part must stand there once."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(benches.archive())) as archive, zipfile.ZipFile(out, "w") as changed:
        for each in archive.namelist():
            content = archive.read(each)
            for right, wrong in slips.items() if each == name else ():
                assert content.count(right.encode()) == 1, right
                content = content.replace(right.encode(), wrong.encode())
            changed.writestr(each, content)
    return out.getvalue()
