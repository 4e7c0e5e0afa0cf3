"""Keeps Gradio from writing editor stubs at every start, which takes 40 % of its import (Gradio 6.31).

For each of its components Gradio parses the source, renders a `.pyi` file and compares it with the one
in site-packages: two seconds on a slow core, of use to editors alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

WRITER, FUNCTION = "gradio.component_meta", "create_or_modify_pyi"


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        if hasattr(module, FUNCTION):  # another Gradio may have none; its import is then as it is
            setattr(module, FUNCTION, lambda *_: None)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname == WRITER else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def leave_stubs_alone() -> None:
    """To be called before Gradio is imported; after that it changes nothing."""
    sys.meta_path.insert(0, _Finder())
