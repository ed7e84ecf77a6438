"""`python -m agent` is `bargein`."""

from .cli import main

main()
