"""Entry point of ``foxgrape`` and ``python -m foxgrape``."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> int:
    """Run the command line, or print how to install typer if it is missing."""
    if find_spec("typer") is None:
        hint = "pip install 'foxgrape[shell]', or foxgrape[all] for reports"
        print(f"foxgrape: the command line needs typer. Hint: {hint}", file=sys.stderr)  # noqa: T201
        return 1
    from foxgrape.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
