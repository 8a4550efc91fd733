"""`gpucarve schema`."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of fleet documents, for editors and other programs.

    \b
    Example:
      gpucarve schema > fleet.schema.json
    """
    from gpucarve import spec

    click.echo(json.dumps(spec.json_schema(), indent=2))
