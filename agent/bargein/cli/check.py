"""`bargein check`: check a flow file."""

from __future__ import annotations

import click


@click.command("check")
@click.argument("flow")
@click.option("--graph", type=click.Choice(["mermaid", "dot"]), is_flag=False, flag_value="mermaid",
              help="Print a graph of the steps instead: Mermaid (the default) or DOT text.")  # fmt: skip
def check_command(flow: str, graph: str | None) -> None:
    """Check a flow: a YAML file, or the name of a flow that comes with bargein.

    Every fault is one line with its file and line number. The exit code is 2 if there is one.

    \b
    Example:
      bargein check shop --graph
    """
    from ..dialogue.dialogues import find
    from ..dialogue.flow import load
    from ..dialogue.flow.graph import dot, mermaid
    from ..dialogue.flow.prompts import known_sentences
    from ..dialogue.languages import load as load_language

    path = find(flow)
    checked = load(path)
    if graph:
        click.echo(mermaid(checked) if graph == "mermaid" else dot(checked))
        return
    sayings = load_language(checked.language, checked.language_file).sayings
    click.echo(
        f"{path}: good. {len(checked.steps)} steps, {len(checked.slots)} slots, language {checked.language}, "
        f"{len(known_sentences(checked, sayings))} sentences known in advance"
    )
