"""The root command: every verb with its line in the help, and loading the one that is asked for.

Boundary: names and modules; a verb's options and its own help stand in its file.
"""

from __future__ import annotations

from importlib import import_module

import click

from gpucarve import __version__
from gpucarve.cli.suggesting import SuggestingGroup

VERBS = {
    "validate": "Say everything that is wrong with a fleet document.",
    "schema": "Print the JSON Schema of fleet documents.",
    "discover": "Look at hosts and say what is there.",
    "preflight": "Say what stands in the way of a change.",
    "fit": "Find the best cut of GPUs for a demand, with a proof.",
    "plan": "Show what apply would change, and why.",
    "apply": "Make the fleet what its document says.",
    "verify": "Check that what the document asks for stands.",
    "bench": "Run workloads on a GPU, and say how much of it one got.",
    "status": "Show each GPU with its slices, one line each.",
    "rollback": "Bring hosts back to what they were before gpucarve.",
    "adopt": "Take vGPUs that somebody else made into ownership.",
    "catalog": "Look up GPUs, vGPU types and MIG profiles.",
    "twin": "Serve a simulated world to try everything on.",
}

_HELP = """One fleet document in; verified NVIDIA GPU capacity out.

\b
A first tour, with no GPU at hand:
  gpucarve twin serve --socket world.sock &
  export GPUCARVE_WORLD=world.sock
  gpucarve discover --host cci1/computegpu000
  gpucarve plan -f fleet.yaml     (the sources' examples/demo/fleet.yaml)
  gpucarve apply -f fleet.yaml
  gpucarve status -f fleet.yaml
"""

_STATUSES = """\b
Exit status:
   0 done                    64 wrong usage
   1 failed                  65 bad document
   2 changes are pending     69 a host does not answer
     (--detailed-exitcode)   75 somebody else works there
   3 a check failed          77 no permission
   4 warnings only          130 interrupted
   5 applied in part
"""


class Verbs(SuggestingGroup):
    """Click's way to load a command late is to override these three."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's file."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"gpucarve.cli.verbs.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


root = Verbs(
    "gpucarve",
    help=_HELP,
    epilog=_STATUSES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
click.version_option(__version__, prog_name="gpucarve", message="%(prog)s %(version)s")(root)
