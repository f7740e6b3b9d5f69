"""Every kind of file is read, and one that cannot be says why without stopping the others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from docx import Document as WordFile

from twintrack.core.document_files import find_files
from twintrack.core.documents import Document, Failure, read_documents
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


def test_html_keeps_cells_terms_and_quotes_apart(tmp_path: Path) -> None:
    page = (
        "<table><tr><th>Plan</th><th>Fee</th></tr><tr><td><p>Basic</p></td><td>5</td></tr></table>"
        "<dl><dt>Term</dt><dd>Meaning</dd></dl>Before<blockquote>Quote</blockquote>after"
    )
    text = one(write(tmp_path, "a.html", page)).text
    assert text == "Plan | Fee\n\nBasic | 5\n\nTerm\n\nMeaning\n\nBefore\n\nQuote\n\nafter"


def test_a_pdf_and_a_word_file_are_read(tmp_path: Path) -> None:
    assert "The fee is five" in one(write(tmp_path, "a.pdf", pdf_saying("The fee is five"))).text
    word = WordFile()
    word.add_heading("Fees", 1)
    word.add_paragraph("The fee is five.")
    table = word.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Prices"
    table.cell(1, 0).text, table.cell(1, 1).text = "Basic", "5"
    word.save(str(tmp_path / "a.docx"))
    assert one(tmp_path / "a.docx").text == "## Fees\n\nThe fee is five.\n\nPrices\nBasic | 5"


def test_csv_rows_become_lines_that_name_their_columns(tmp_path: Path) -> None:
    assert (
        one(write(tmp_path, "a.csv", "plan,fee\nBasic,5\nGold,9\n")).text == "plan: Basic; fee: 5\n\nplan: Gold; fee: 9"
    )


def test_csv_of_other_spreadsheets_is_read_whole(tmp_path: Path) -> None:
    assert one(write(tmp_path, "a.csv", "plan;fee\nBasic;5,50\n")).text == "plan: Basic; fee: 5,50"
    assert one(write(tmp_path, "b.csv", "plan,fee\nBasic,5,a note\n")).text == "plan: Basic; fee: 5; a note"
    assert one(write(tmp_path, "c.csv", "a single line")).text == "a single line"


@pytest.mark.parametrize(
    ("identifier", "body"), [("id", "text"), ("pid", "text"), ("id", "content"), ("id", "context")]
)
def test_each_json_line_is_a_document(tmp_path: Path, identifier: str, body: str) -> None:
    rows = [{identifier: f"d{i}", "title": "T", body: f"text\u2028{i}"} for i in range(3)]
    found = read(write(tmp_path, "a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)))
    assert [document.id for document in found if isinstance(document, Document)] == ["d0", "d1", "d2"]


def test_a_bad_json_line_does_not_stop_the_others(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path,
            "a.jsonl",
            '{"id": 1, "text": "a"}\nnot json\n{"id": 2, "text": ["b"]}\n[1]\n{"id": 3, "text": "b"}',
        )
    )
    assert [isinstance(item, Document) for item in found] == [True, False, False, False, True]
    assert "line 2 is not JSON" in found[1].problem  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("广茂铁路", "gb18030"),
        ("def run():  # 运行\n    return", "gbk"),
        ("台灣的首都是臺北，這是一個城市。", "big5"),
        ("It’s a “test” – really.", "cp1252"),
        ("Le café était fermé.", "cp1252"),
        ("Plain text of two bytes a letter.", "utf-16"),
        ("And of four.", "utf-32"),
        ("Marked text.", "utf-8-sig"),
        ("# coding: latin-1\nname = 'Zoë'", "latin-1"),
        ("図書館の本は二十一日間借りることができます。", "shift_jis"),
        ("サービスデスクへの返却は七日間です。カタカナも。", "cp932"),
        ("図書館の本は二十一日間借りることができます。", "euc_jp"),
        ("도서관 책은 이십일 일 동안 빌릴 수 있습니다.", "euc_kr"),
        ("늦게 반납한 책은 하루에 십 센트의 요금이 부과됩니다.", "cp949"),
        ("图书馆的书可以借二十一天，电影可以借七天。", "gbk"),
        ("圖書館的書可以借二十一天，電影可以借七天。", "big5"),
        ("爆屡屡打入关键入球。", "gb18030"),
        ("<meta charset='shift_jis'>日本の首都は東京です。", "shift_jis"),
    ],
)
def test_text_in_an_older_encoding_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    assert one(write(tmp_path, "a.txt", text.encode(encoding))).text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("两条铁路的运输总长是二十公里。", "big5hkscs"),
        ("他出生于北京，目前效力于国安足球俱乐部。", "big5hkscs"),
    ],
)
def test_simplified_chinese_in_a_traditional_encoding_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    kept = "".join(sign for sign in text if sign.encode(encoding, "ignore"))
    assert one(write(tmp_path, "a.txt", kept.encode(encoding))).text == kept


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866", "iso8859_5", "mac_cyrillic"])
@pytest.mark.parametrize(
    "text",
    [
        "Столица России, библиотека открыта с девяти утра.",
        "Все дома были пусты",
        'The word "спутник" means satellite.',
        "In Russian: да, нет, и, в.",
    ],
)
def test_another_alphabet_is_refused_and_not_read_as_chinese_or_french(
    tmp_path: Path, text: str, encoding: str
) -> None:
    found = failure(write(tmp_path, "a.txt", text.encode(encoding)))
    assert "its encoding is not" in found.problem
    assert found.fix == "save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Książkę można wypożyczyć na dwadzieścia jeden dni.", "cp1250"),
        ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "cp874"),
        ("Η πρωτεύουσα της Ελλάδας είναι η Αθήνα.", "cp1253"),
    ],
)
def test_what_no_known_encoding_makes_sense_of_is_refused(tmp_path: Path, text: str, encoding: str) -> None:
    assert "its encoding is not" in failure(write(tmp_path, "a.txt", text.encode(encoding))).problem


def test_a_guess_of_the_encoding_is_told_and_what_the_file_tells_is_none(tmp_path: Path) -> None:
    assert one(write(tmp_path, "a.txt", "广茂铁路".encode("gbk"))).guessed == "gb18030"
    assert one(write(tmp_path, "a.csv", "名,价\n票,5\n".encode("gbk"))).guessed == "gb18030"
    assert one(write(tmp_path, "a.html", "<p>Le café était fermé.</p>".encode("cp1252"))).guessed == "cp1252"
    assert one(write(tmp_path, "a.jsonl", '{"text": "广茂铁路"}'.encode("gbk"))).guessed == "gb18030"
    for told in ("广茂铁路".encode(), "广茂铁路".encode("utf-16"), "# coding: gbk\n# 广茂铁路".encode("gbk")):
        assert one(write(tmp_path, "b.txt", told)).guessed == ""


def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path) -> None:
    assert "broken" in failure(write(tmp_path, "a.pdf", b"%PDF-1.4 nothing")).problem
    assert "broken" in failure(write(tmp_path, "a.docx", b"PK nothing")).problem
    assert "binary" in failure(write(tmp_path, "a.txt", b"\x7fELF\x00\x00")).problem
    assert "encoding" in failure(write(tmp_path, "d.txt", "Столица России".encode("cp1251"))).problem
    table = failure(write(tmp_path, "a.csv", f'name,note\na,"{"x" * 140_000}"\n'))
    assert "broken as a table" in table.problem
    assert table.fix == "close the quote left open, or cut cells above 131,072 characters"
    blank = failure(write(tmp_path, "b.txt", " \n"))
    assert "no text" in blank.problem
    assert blank.fix == "it is empty: write into it, or leave it out"
    assert failure(write(tmp_path, "b.pdf", pdf_saying(""))).fix == "scanned pages need OCR first"
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
