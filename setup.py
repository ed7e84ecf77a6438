"""The package's description for an index: README and changelog, with links that work outside of the repository.

All other metadata is in setup.cfg.
"""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parent


def absolute(text: str, repository: str) -> str:
    """The text, in which links to files of the repository have its address in front."""
    return re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", rf"]({repository}/blob/main/\1)", text)


def description() -> str:
    """README.md and CHANGELOG.md, with absolute links."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "CHANGELOG.md")]
    return absolute("\n\n".join(texts), config["metadata"]["url"])


if __name__ == "__main__":
    from setuptools import setup

    setup(long_description=description())
