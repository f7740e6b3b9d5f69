"""Cuts code where its language parts it, at classes and functions first, each passage with its true offset."""

from pathlib import PurePath

from twintrack.core.chunks import chunks
from twintrack.core.tokens import Span

_LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "js",
    ".jsx": "js",
    ".ts": "ts",
    ".tsx": "ts",
    ".java": "java",
    ".kt": "kotlin",
    ".go": "go",
    ".rs": "rust",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".cs": "csharp",
    ".rb": "ruby",
    ".php": "php",
    ".swift": "swift",
    ".scala": "scala",
    ".lua": "lua",
    ".proto": "proto",
    ".ps1": "powershell",
    ".tex": "latex",
}


def passages_of(text: str, source: str, *, size: int, overlap: int) -> list[Span]:
    """Return the passages of a text: of code by its language, of anything else by sentences."""
    language = _LANGUAGES.get(PurePath(source).suffix.lower())
    found = _of_code(text, language, size) if language else []
    return found or chunks(text, size=size, overlap=overlap)


def how_cut(source: str, *, size: int, overlap: int) -> str:
    """Return what changes when a text of this source is cut otherwise."""
    language = _LANGUAGES.get(PurePath(source).suffix.lower())
    return f"{size} {language or overlap}"


def _of_code(text: str, language: str, size: int) -> list[Span]:
    """Return passages that share nothing; none where one does not stand where the splitter says."""
    from langchain_text_splitters import Language, RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter.from_language(
        Language(language), chunk_size=size, chunk_overlap=0, add_start_index=True
    )
    documents = splitter.create_documents([text])
    spans = [_span(document.page_content, document.metadata["start_index"]) for document in documents]
    return spans if all(text[span.start : span.end] == span.text for span in spans) else []


def _span(text: str, start: int) -> Span:
    return Span(start, start + len(text), text)
