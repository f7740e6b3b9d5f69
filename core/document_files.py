"""Finds the files of a folder that can be read as documents."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from twintrack.core.errors import DocumentError

_CODE_LIST = (
    ".py .pyi .js .jsx .ts .tsx .java .kt .go .rs .c .h .cc .cpp .hpp .cs .rb .php .swift .scala .sh .bash "
    ".sql .r .lua .pl .ps1 .css .scss .vue .proto .graphql .tf .toml .yaml .yml .ini .cfg .conf .json .xml "
    ".tex"
)
_CODE = frozenset(_CODE_LIST.split())
_TEXT = frozenset({".txt", ".text", ".rst", ".log", ".adoc", ".org", ".srt"})
_MARKDOWN = frozenset({".md", ".markdown", ".mdx"})
_OTHERS = frozenset({".html", ".htm", ".xhtml", ".jsonl", ".ndjson", ".pdf", ".docx", ".csv", ".tsv"})
READABLE = _CODE | _TEXT | _MARKDOWN | _OTHERS
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "dist", "build"})


def find_files(
    path: Path,
    *,
    unlisted: Callable[[OSError], None] | None = None,
    passed_over: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Return the readable files at or below `path`; hidden ones and build folders are passed over.

    Args:
        path: A file or a folder.
        unlisted: Told of each folder below `path` that cannot be looked into.
        passed_over: Told of each file below `path` that is of no kind that can be read.

    Raises:
        DocumentError: there is nothing at `path`, or nothing in it that can be read.
    """
    try:
        if path.is_file():
            return [path]
        if not path.exists():
            raise DocumentError(f"{path}: there is no such file or folder.", fix="check the path")
        with os.scandir(path):
            files = sorted(_below(path, unlisted, passed_over))
    except OSError as error:
        problem = f"{path}: it cannot be looked into ({error.strerror or error})."
        raise DocumentError(problem, fix="check the path and its permissions") from error
    if not files:
        kinds = "Markdown, text, HTML, PDF, DOCX, CSV, JSONL or code"
        raise DocumentError(f"{path}: the folder holds no file that can be read.", fix=f"put {kinds} files in it")
    return files


def _below(
    root: Path, unlisted: Callable[[OSError], None] | None, passed_over: Callable[[Path], None] | None
) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=unlisted):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for file in (Path(folder, name) for name in names if not _is_hidden(name)):
            # What may be listed but not looked at fails when it is read, which is told.
            if not os.access(folder, os.X_OK) or file.is_file():
                if file.suffix.lower() in READABLE:
                    yield file
                elif passed_over:
                    passed_over(file)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED_FOLDERS
