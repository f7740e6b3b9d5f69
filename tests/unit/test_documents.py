"""Every kind of file is read, and one that cannot be says why without stopping the others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from docx import Document as WordFile

from twintrack.core.documents import Document, Failure, find_files, read_documents
from twintrack.core.errors import DocumentError


def read(file: Path, max_bytes: int = 10_000_000) -> list[Document | Failure]:
    return list(read_documents(file, max_bytes=max_bytes))


def one(file: Path) -> Document:
    (document,) = read(file)
    assert isinstance(document, Document), document
    return document


def failure(file: Path, max_bytes: int = 10_000_000) -> Failure:
    (found,) = read(file, max_bytes)
    assert isinstance(found, Failure), found
    assert found.fix
    return found


def write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def pdf_saying(text: str) -> bytes:
    """Return the smallest PDF whose one page shows `text`."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, tail)


def test_markdown_takes_its_first_heading_as_title(tmp_path: Path) -> None:
    document = one(write(tmp_path, "a.md", "# Fees\n\nThe fee is $5."))
    assert (document.title, document.text) == ("Fees", "# Fees\n\nThe fee is $5.")
    assert document.id == document.source == str(tmp_path.resolve() / "a.md")


def test_html_keeps_its_text_and_drops_its_scripts(tmp_path: Path) -> None:
    page = "<title>Fees</title><nav>menu</nav><h1>Cost</h1><p>It is <b>five</b>.</p><p>Always.</p><script>x()</script>"
    document = one(write(tmp_path, "a.html", page))
    assert (document.title, document.text) == ("Fees", "Cost\n\nIt is five.\n\nAlways.")


def test_a_pdf_and_a_word_file_are_read(tmp_path: Path) -> None:
    assert "The fee is five" in one(write(tmp_path, "a.pdf", pdf_saying("The fee is five"))).text
    word = WordFile()
    word.add_heading("Fees", 1)
    word.add_paragraph("The fee is five.")
    word.add_table(1, 2).rows[0].cells[1].text = "cell"
    word.save(str(tmp_path / "a.docx"))
    assert one(tmp_path / "a.docx").text.startswith("## Fees\n\nThe fee is five.\n\n")
    assert "cell" in one(tmp_path / "a.docx").text


def test_csv_rows_become_lines_that_name_their_columns(tmp_path: Path) -> None:
    assert (
        one(write(tmp_path, "a.csv", "plan,fee\nBasic,5\nGold,9\n")).text == "plan: Basic; fee: 5\n\nplan: Gold; fee: 9"
    )


@pytest.mark.parametrize(("identifier", "body"), [("id", "text"), ("pid", "text"), ("id", "content")])
def test_each_json_line_is_a_document(tmp_path: Path, identifier: str, body: str) -> None:
    rows = [{identifier: f"d{i}", "title": "T", body: f"text\u2028{i}"} for i in range(3)]
    found = read(write(tmp_path, "a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)))
    assert [document.id for document in found if isinstance(document, Document)] == ["d0", "d1", "d2"]


def test_a_bad_json_line_does_not_stop_the_others(tmp_path: Path) -> None:
    found = read(write(tmp_path, "a.jsonl", '{"id": 1, "text": "a"}\nnot json\n{"id": 2}\n[1]\n{"id": 3, "text": "b"}'))
    assert [isinstance(item, Document) for item in found] == [True, False, False, False, True]
    assert "line 2 is not JSON" in found[1].problem  # type: ignore[union-attr]


def test_chinese_text_in_its_older_encoding_is_read(tmp_path: Path) -> None:
    assert one(write(tmp_path, "a.txt", "广茂铁路".encode("gb18030"))).text == "广茂铁路"


def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path) -> None:
    assert "broken" in failure(write(tmp_path, "a.pdf", b"%PDF-1.4 nothing")).problem
    assert "broken" in failure(write(tmp_path, "a.docx", b"PK nothing")).problem
    assert "binary" in failure(write(tmp_path, "a.txt", b"\x7fELF\x00\x00")).problem
    assert "no text" in failure(write(tmp_path, "b.txt", " \n")).problem
    assert "limit" in failure(write(tmp_path, "c.txt", "x" * 100), max_bytes=10).problem
    assert "No such file" in failure(tmp_path / "gone.txt").problem


def test_a_folder_gives_its_readable_files_and_no_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".git").mkdir(parents=True)
    for name in ("b.md", "a.txt", "photo.png", ".env.txt", "sub/c.py", "sub/.git/d.md"):
        write(tmp_path, name, "x")
    assert [file.name for file in find_files(tmp_path)] == ["a.txt", "b.md", "c.py"]


def test_an_empty_folder_and_a_missing_path_are_errors_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no file that can be read"):
        find_files(tmp_path)
    with pytest.raises(DocumentError, match="no such file"):
        find_files(tmp_path / "gone")


def test_a_broken_pdf_is_told_of_in_the_report_alone(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 broken")
    code = (
        "import sys; from pathlib import Path; from twintrack.core.documents import read_documents\n"
        "print(list(read_documents(Path(sys.argv[1]), max_bytes=1000)))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.pdf")], capture_output=True, text=True)
    assert "broken or locked" in run.stdout
    assert run.stderr == ""
