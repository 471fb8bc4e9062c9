"""foxgrape: did public posts hint at events before they were confirmed, and by how long?

Public names are listed once, in the stub ``__init__.pyi`` beside this file. Each is loaded on
first use, so that ``import foxgrape.places`` loads no pandas.
"""

_HOMES: dict[str, str] = {}


def __getattr__(name: str) -> object:
    """Import a public name from the module that the stub names."""
    if name == "__all__":
        return sorted([*_homes(), "__version__"])
    if name == "__version__":
        return _version()
    if name.startswith("__") or name not in _homes():
        raise AttributeError(f"module 'foxgrape' has no attribute {name!r}")
    from importlib import import_module

    home = import_module(_homes()[name])
    value = getattr(home, name) if hasattr(home, name) else import_module(f"{home.__name__}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __getattr__("__all__")


def _homes() -> dict[str, str]:
    """Return the module of each public name, as the stub imports it."""
    if not _HOMES:
        import ast
        from pathlib import Path

        stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
        for node in stub.body:
            if isinstance(node, ast.ImportFrom):
                _HOMES.update((alias.name, node.module) for alias in node.names)
    return _HOMES


def _version() -> str:
    """Return the installed version; a copied source tree has none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("foxgrape")
    except PackageNotFoundError:
        return "0+unknown"
