"""`python -m bargein` is the command `bargein`."""

from .cli import main

main()
