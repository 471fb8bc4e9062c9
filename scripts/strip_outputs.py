"""Remove the outputs of a notebook: a git filter from standard input to standard output.

`make filter` makes git run it on each notebook that is added; the file on disk keeps its outputs.
It uses only the standard library, so that it works before anything is installed.
"""

import json
import sys


def strip_outputs(text: str) -> str:
    """Return a notebook without outputs, execution counts and times, formatted as by nbformat."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    notebook["metadata"].pop("widgets", None)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    notebook = strip_outputs(sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(notebook.encode())
