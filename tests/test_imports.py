"""Who may import whom. The rules are the architecture; a forbidden import fails by name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("settings", "app", "node", "pipeline", "llm", "nosana_jobs", "launcher")

READ_BY_THE_NODE = (
    *("records", "errors", "workspace", "artifacts", "wishes", "captions.styles"),
    *("editing", "edits", "changes", "trimming", "looks", "export"),
)
"""What a job looks like and how it is edited. The stages themselves run in processes of their own."""

MAY_IMPORT = {
    "settings": set(),
    "app": {"settings", "node"},
    "node": {"node", *(f"pipeline.{room}" for room in READ_BY_THE_NODE)},
    "node.server": {"node", "settings"},
    "pipeline": {"pipeline"},
    "pipeline.__main__": {"settings", "pipeline", "llm"},
    "pipeline.parts": {"settings", "pipeline", "llm"},
    "llm": {"llm", "pipeline.records", "pipeline.errors", "pipeline.options"},
    "nosana_jobs": {"nosana_jobs"},
    "launcher": {"launcher", "settings", "nosana_jobs"},
}

COMMON_ROOMS = {
    f"pipeline.{name}"
    for name in ("records", "errors", "options", "media", "workspace", "clock", "rates", "published")
}
"""What every stage may know."""

STAGES = {
    "pipeline.ingest": {"pipeline.net", "pipeline.probe", "pipeline.packets"},
    "pipeline.asr": {"pipeline.speech"},
    "pipeline.chunking": set(),
    "pipeline.settle": {"pipeline.cuts"},
    "pipeline.shots": {"pipeline.frames"},
    "pipeline.faces": {"pipeline.detectors", "pipeline.frames"},
    "pipeline.camera": {"pipeline.tracks"},
    "pipeline.render": {
        f"pipeline.{room}" for room in ("captions", "picture", "loudness", "splice", "preview", "encoders")
    },
    "pipeline.storage": {"pipeline.stores"},
}
"""Each stage with the rooms that are its own. Only these name several stages:"""

MAY_NAME_SEVERAL = {
    "pipeline.run",
    "pipeline.tools",
    "pipeline.logbook",
    "pipeline.sight",
    "pipeline.__main__",
    "pipeline.parts",
    "pipeline.local",
}

HEAVY = {"faster_whisper", "ctranslate2", "pocketsphinx", "cv2", "yt_dlp", "vllm", "boto3", "botocore", "av",
         "scenedetect", "onnxruntime"}  # fmt: skip


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in PACKAGES:
            yield ".".join(p for p in parts if p != "__init__"), path


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(name, path):
    for target in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if target.split(".")[0] in PACKAGES:
            yield target


def inside(target, rooms):
    return any(target == room or target.startswith(room + ".") for room in rooms)


ALL = list(modules())


@pytest.mark.parametrize(("name", "path"), ALL, ids=[name for name, _ in ALL])
def test_a_package_imports_only_what_it_may(name, path):
    allowed = MAY_IMPORT.get(name, MAY_IMPORT[name.split(".")[0]])
    for target in ours(name, path):
        assert inside(target, allowed), f"{name} imports {target}"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_and_its_rooms_know_no_other_stage(stage):
    rooms = {stage, *STAGES[stage]}
    others = set().union(*({s, *r} for s, r in STAGES.items())) - rooms
    for name, path in ALL:
        if inside(name, rooms):
            for target in ours(name, path):
                assert not inside(target, others), f"{name} imports {target}"
                assert inside(target, rooms | COMMON_ROOMS), f"{name} imports {target}"


def test_nobody_else_names_several_stages():
    for name, path in ALL:
        if name.startswith("pipeline.") and name not in MAY_NAME_SEVERAL:
            named = {s for s in STAGES for t in ours(name, path) if inside(t, {s})} - {name}
            assert len(named) <= 1, f"{name} names {sorted(named)}"


@pytest.mark.parametrize(("name", "path"), ALL, ids=[name for name, _ in ALL])
def test_heavy_libraries_are_imported_inside_functions(name, path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found = {target.split(".")[0] for target in imports(ast.Module([node], []))}
            assert not found & HEAVY, f"{name} imports {found & HEAVY} when it is loaded"


def test_the_environment_is_read_in_one_file():
    for name, path in ALL:
        if name != "settings":
            source = path.read_text(encoding="utf-8")
            found = re.search(r"\bos\.environ|getenv|import environ", source)
            assert not found, f"{name} reads the environment"
