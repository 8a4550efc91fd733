"""`gpucarve bench`: workloads that prove a GPU, and what two of their reports say side by side.

Boundary: options and files of the user; what is run is `app.benches`', what it is worth is `bench`'s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.suggesting import SuggestingGroup
from gpucarve.cli.verb import PAGED, PLAIN, verb, world

if TYPE_CHECKING:
    from gpucarve.app import World
    from gpucarve.bench.reports import Report
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.model.hosts import Target

_PATH = click.Path(path_type=Path, allow_dash=True)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class _Bench(SuggestingGroup):
    """What is no command of the group are names of workloads, and options of running them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the `run` in front that may be left out."""
        own = {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, args if args and args[0] in own else ["run", *args])


@click.group("bench", cls=_Bench)
def command() -> None:
    """Run workloads on a GPU, check their results, and say how much of the GPU one got.

    Without a command's name it runs: `gpucarve bench copy` is `gpucarve bench run copy`.

    \b
    Example:
      gpucarve bench vectoradd copy --target root@gpu-host-1
    """


_target = click.option(
    "--target", default="local", show_default=True, metavar="HOST",
    help="This machine (local), a host as ssh takes it, or site/name on a twin.",
)  # fmt: skip
_interface = click.option(
    "--interface", type=click.Choice(["auto", "cuda", "opencl"]), default="auto", show_default=True,
    help="How the device is spoken to; auto takes a GPU first.",
)  # fmt: skip
_device = click.option("--device", type=click.IntRange(0, 255), default=0, help="Its number in `bench devices`.")
_visible = click.option("--visible", metavar="UUID", default="", help="The only GPU or MIG slice that is to be seen.")
_size = click.option(
    "--size", metavar="SIZE", default="", help="Bytes of one buffer, such as 64M; what suits by itself."
)
_samples = click.option(
    "--samples", type=click.IntRange(1, 1000), default=11, show_default=True, help="How many make a figure."
)


@verb(
    "run", click.argument("names", nargs=-1, metavar="[NAME]..."), _target, _interface, _device, _visible, _size,
    _samples, world,
    forms=PAGED,
)  # fmt: skip
def _run(output: Output, names: tuple[str, ...], target: str, size: str, world: Path | None, **wished: Any) -> Exit:
    """Run workloads by name, or all of them: devices, vectoradd, copy, transpose, hash, matmul,
    inference.

    The host needs its GPU's driver and Python 3.9, no packages; nothing is written there. Only matmul needs NVIDIA's
    cuBLAS where it runs, and inference gpucarve[inference].

    \b
    Example:
      gpucarve bench run transpose --target root@gpu-host-1 -o html > report.html
    """
    from gpucarve.app import benches
    from gpucarve.app.worlds import LocalWorld
    from gpucarve.bench.asking import WORKLOADS, Wish
    from gpucarve.calls.programs import Refusal
    from gpucarve.cli import reading
    from gpucarve.cli.exits import of_refusals

    _check_names(names, WORKLOADS)
    opened, host = _opened(target, world)
    python = sys.executable if host == LocalWorld.target else "python3"
    wish = Wish(bytes=_bytes(size), python=python, **wished)
    with reading.world(opened) as runner:
        report = runner.run(
            benches.bench(opened.host(host), host, names or WORKLOADS, wish, lambda name: output.note(f"{name} ..."))
        )
    if isinstance(report, Refusal):
        output.error(f"{host}: {report.kind.value}: {report.detail}", report.fix)
        return of_refusals([report])
    return _shown(report, output)


@verb("compare", click.argument("first", type=_PATH), click.argument("second", type=_PATH), forms=PLAIN)
def _compare(output: Output, first: Path, second: Path) -> Exit:
    """Compare the figures of two reports: how many times as fast the second is.

    FIRST and SECOND are files of `bench -o json`, or what another program printed (see `bench read`).

    \b
    Example:
      gpucarve bench compare cpu.txt gpu.txt
    """
    from gpucarve.bench.comparing import compared
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import bench as views

    one, two = _report(first), _report(second)
    found = compared(one, two)
    text = views.comparison(one, two, found, output.style)
    output.data("BenchComparison", views.comparison_data(one, two, found), text)
    if not found:
        output.error("the two reports have no figure in common", "run the same workloads for both")
    return Exit.DONE if found else Exit.FAILED


@verb(
    "slices", click.argument("name", default="copy", metavar="[NAME]"), _target, _size,
    click.option("--whole", type=_PATH, metavar="REPORT", help="A report of the whole GPU, before it was cut."),
    world, forms=PLAIN,
)  # fmt: skip
def _slices(output: Output, name: str, target: str, size: str, whole: Path | None, world: Path | None) -> Exit:
    """Measure what neighbours take from a MIG slice, and what all slices of a GPU do together.

    A workload runs on the first slice of each GPU alone, then on all of its slices at once.

    \b
    Example:
      gpucarve bench slices copy --target root@gpu-host-1 --whole whole.json
    """
    from gpucarve.app import benches
    from gpucarve.bench.asking import WORKLOADS, Wish
    from gpucarve.calls.programs import Refusal
    from gpucarve.cli import reading
    from gpucarve.cli.exits import Exit, of_refusals, of_reports
    from gpucarve.cli.views import bench as views

    _check_names((name,), tuple(each for each in WORKLOADS if each not in ("devices", "inference")))
    of_whole = _report(whole) if whole else None
    opened, host = _opened(target, world)
    with reading.world(opened) as runner:
        wish = Wish(bytes=_bytes(size))
        found = runner.run(benches.bench_slices(opened.host(host), host, name, wish, output.note))
    if isinstance(found, Refusal):
        output.error(f"{host}: {found.kind.value}: {found.detail}", found.fix)
        return of_refusals([found])
    if isinstance(found, str) or not found:
        output.error(f"{host}: {found or 'there is no MIG slice'}", "see with `nvidia-smi -L` which slices there are")
        return Exit.CHECK
    output.data("BenchSlices", views.slices_data(found, of_whole), views.slices(found, of_whole, output.style))
    return of_reports([each for alone, busy in found.values() for each in (alone, *busy)])


@verb("read", click.argument("file", type=_PATH), forms=PAGED)
def _read(output: Output, file: Path) -> Exit:
    """Make a report of what another program printed, or show a report again.

    Known are deviceQuery, bandwidthTest, transpose and vectorAdd of the CUDA samples, hashcat -b, nvidia-smi, and the
    log of a pod or container that ran gpucarve's own image.

    \b
    Example:
      gpucarve bench read hashcat.txt -o json > report.json
    """
    return _shown(_report(file), output)


for _each in (_run, _compare, _slices, _read):
    command.add_command(_each)


def _shown(report: Report, output: Output) -> Exit:
    from gpucarve.bench import codec
    from gpucarve.cli.exits import of_reports
    from gpucarve.cli.views import bench as views
    from gpucarve.report.bench_page import page

    if output.form == "html":
        output.page(page(report))
    else:
        output.data(codec.KIND, codec.to_data(report), views.report(report, output.style))
    return of_reports([report])


def _report(path: Path) -> Report:
    """A report of ours, or one made of another program's output. Raises Misuse, NoReport, UnknownOutput."""
    from gpucarve.bench import answered, codec, outputs

    try:
        with click.open_file(str(path), "rb") as file:
            content = file.read(codec.LARGEST + 1)
    except OSError as error:
        hint = "name a file that `gpucarve bench -o json` wrote"
        raise Misuse(f"{path} cannot be read: {error.strerror}", hint) from error
    if len(content) > codec.LARGEST:
        raise Misuse(f"{path} holds more than {codec.LARGEST} bytes", "no report is as long")
    where = "<stdin>" if str(path) == "-" else path.name
    if answered.is_log(content):
        return answered.read(content, where)
    if content.lstrip().startswith(b"{"):
        return codec.read(content, where)
    return outputs.read(content.decode("utf-8", "replace"), where)


def _check_names(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise Misuse(f"there is no workload {name[:40]!r}{meant}", f"there are {', '.join(known)}")


def _bytes(text: str) -> int:
    number, unit = text.rstrip("KMGkmg"), text[len(text.rstrip("KMGkmg")) :].upper()
    if not text:
        return 0
    if not number.isdecimal() or len(number) > 15 or unit not in _UNITS or int(number) == 0:
        raise Misuse(f"--size {text[:40]!r} is no size", "write a number of bytes, or one with K, M or G behind it")
    return int(number) * _UNITS[unit]


def _opened(target: str, world: Path | None) -> tuple[World, Target]:
    from gpucarve.app.worlds import LocalWorld
    from gpucarve.cli import reading

    if target == "local" and world is None:
        return LocalWorld(), LocalWorld.target
    return reading.host(target, world)
