"""`gpucarve validate`."""

from __future__ import annotations

from gpucarve.cli import reading
from gpucarve.cli.exits import Exit
from gpucarve.cli.output import Output
from gpucarve.cli.verb import fleet, verb
from gpucarve.cli.views import documents
from gpucarve.cli.views.text import count


@verb("validate", fleet)
def command(output: Output, file: str) -> Exit:
    """Say everything that is wrong with a fleet document, each thing where it stands.

    Looks at no host.

    \b
    Example:
      gpucarve validate -f fleet.yaml
    """
    loaded, _ = reading.fleet(file)
    text = f"{file}: fleet {loaded.name} is well-formed, {count(len(loaded.targets), 'host')}"
    output.data("Diagnostics", documents.diagnostics(()), text)
    return Exit.DONE
