"""Did public posts hint at events before they were confirmed, and by how long?

The stub ``__init__.pyi`` lists the public names. Each is imported on first use, so that
``import foxgrape.places`` loads no pandas.
"""

# The stub is read by ast on first use, not by lazy_loader.attach_stub, whose import takes 22 ms.
_MODULES: dict[str, str] = {}


def __getattr__(name: str) -> object:
    """Import a public name from the module that the stub names."""
    if name == "__version__":
        return _version()
    if name == "__all__":
        return sorted([*_modules(), "__version__"])
    if name.startswith("__") or name not in _modules():
        raise AttributeError(f"module 'foxgrape' has no attribute {name!r}")
    from importlib import import_module

    parent = _modules()[name]
    if parent == __name__:
        return import_module(f"{parent}.{name}")
    module = import_module(parent)
    if not hasattr(module, name):  # a submodule, such as foxgrape.stats.simulate
        import_module(f"{parent}.{name}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return __getattr__("__all__")


def _modules() -> dict[str, str]:
    """Return the module of each public name."""
    if not _MODULES:
        import ast
        from pathlib import Path

        stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
        for node in stub.body:
            if isinstance(node, ast.ImportFrom):
                _MODULES.update((alias.name, node.module) for alias in node.names)
    return _MODULES


def _version() -> str:
    """Return the installed version, or 0+unknown in a source tree that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("foxgrape")
    except PackageNotFoundError:
        return "0+unknown"
