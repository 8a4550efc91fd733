"""`gpucarve validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucarve.cli.verb import fleet, verb

if TYPE_CHECKING:
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output


@verb("validate", fleet)
def command(output: Output, file: str) -> Exit:
    """Say everything that is wrong with a fleet document, each thing where it stands.

    Looks at no host.

    \b
    Example:
      gpucarve validate -f fleet.yaml
    """
    from gpucarve.cli import documents as given
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import documents
    from gpucarve.cli.views.text import count

    loaded, _ = given.fleet(file)
    text = f"{file}: fleet {loaded.name} is well-formed, {count(len(loaded.targets), 'host')}"
    output.data("Diagnostics", documents.diagnostics(()), text)
    return Exit.DONE
