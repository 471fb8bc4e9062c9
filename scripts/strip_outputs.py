"""Strip a notebook of its outputs, from standard input to standard output: a filter for git.

`make filter` has git call it for each notebook that is added; the notebook on disk keeps its own.
Only the standard library is used, so that git may call it before anything is installed.
"""

import json
import sys


def stripped(text: str) -> str:
    """Return a notebook as nbformat writes it, without outputs, counts and times of running."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    notebook["metadata"].pop("widgets", None)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    told = stripped(sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(told.encode())
