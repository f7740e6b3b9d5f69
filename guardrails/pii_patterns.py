"""The shapes of personal data and secrets, each with the checksum that tells it from a mere number."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv6Address

Check = Callable[[str], int]
"""Says how many of the matched characters belong to the value; 0 when it is none."""

_IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in [
        "AD:24",
        "AE:23",
        "AL:28",
        "AT:20",
        "AZ:28",
        "BA:20",
        "BE:16",
        "BG:22",
        "BH:22",
        "BR:29",
        "BY:28",
        "CH:21",
        "CR:22",
        "CY:28",
        "CZ:24",
        "DE:22",
        "DK:18",
        "DO:28",
        "EE:20",
        "EG:29",
        "ES:24",
        "FI:18",
        "FO:18",
        "FR:27",
        "GB:22",
        "GE:22",
        "GI:23",
        "GL:18",
        "GR:27",
        "GT:28",
        "HR:21",
        "HU:28",
        "IE:22",
        "IL:23",
        "IQ:23",
        "IS:26",
        "IT:27",
        "JO:30",
        "KW:30",
        "KZ:20",
        "LB:28",
        "LC:32",
        "LI:21",
        "LT:20",
        "LU:20",
        "LV:21",
        "LY:25",
        "MC:27",
        "MD:24",
        "ME:22",
        "MK:19",
        "MR:27",
        "MT:31",
        "MU:30",
        "NL:18",
        "NO:15",
        "PK:24",
        "PL:28",
        "PS:29",
        "PT:25",
        "QA:29",
        "RO:24",
        "RS:22",
        "SA:24",
        "SC:31",
        "SE:24",
        "SI:19",
        "SK:24",
        "SM:27",
        "ST:25",
        "SV:28",
        "TL:23",
        "TN:24",
        "TR:26",
        "UA:29",
        "VA:22",
        "VG:24",
        "XK:20",
    ]
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD = re.compile(
    r"3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|6\d{15,18}"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of value: a cheap sign that it may be there, its shape, its check."""

    kind: str
    signs: tuple[str, ...]
    """Literal parts one of which must occur; empty means the text must hold a run of digits."""
    shape: re.Pattern[str]
    check: Check = len


def _digits(value: str) -> str:
    return "".join(sign for sign in value if sign.isdigit())


def luhn(value: str) -> bool:
    """Tell whether the digits of `value` end in the right check digit."""
    total = 0
    for place, digit in enumerate(reversed(_digits(value))):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _card(value: str) -> int:
    digits = _digits(value)
    return len(value) if _CARD.fullmatch(digits) and luhn(digits) else 0


def _iban(value: str) -> int:
    length = int(_IBAN_LENGTHS.get(value[:2], "0"))
    places = [place for place, sign in enumerate(value) if sign != " "]
    if not length or len(places) < length:
        return 0
    end = places[length - 1] + 1
    compact = value[:end].replace(" ", "")
    return end if int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1 else 0


def _chinese_id(value: str) -> int:
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return 0
    rest = sum(int(digit) * weight for digit, weight in zip(value, _ID_WEIGHTS, strict=False)) % 11
    return len(value) if "10X98765432"[rest] == value[-1].upper() else 0


def _ipv4(value: str) -> int:
    return 0 if value.startswith(("127.", "0.")) else len(value)


def _ipv6(value: str) -> int:
    groups = [group for group in value.split(":") if group]
    if len(groups) < 2 or not _digits(value):
        return 0
    try:
        IPv6Address(value)
    except ValueError:
        return 0
    return len(value)


def _phone(value: str) -> int:
    return len(value) if 7 <= len(_digits(value)) <= 15 else 0


def _shape(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.ASCII)


_NUMBER = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_KEY_SIGNS = (
    "sk-",
    "pk-lf-",
    "AKIA",
    "ASIA",
    "gh",
    "github_pat_",
    "glpat-",
    "AIza",
    "xox",
    "k_live_",
    "k_test_",
    "hf_",
)

PATTERNS = (
    Pattern(
        "SECRET",
        ("PRIVATE KEY-----",),
        _shape(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY-----(?:[^-]|-(?!----)){0,20000}(?:-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY-----)?"
        ),
    ),
    Pattern("SECRET", ("eyJ",), _shape(r"(?<!\w)eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{0,1000}")),
    Pattern(
        "SECRET",
        _KEY_SIGNS,
        _shape(
            r"(?<!\w)sk-[\w-]{20,220}",
            r"(?<!\w)pk-lf-[\w-]{20,60}",
            r"(?<!\w)A[KS]IA[A-Z0-9]{16}(?!\w)",
            r"(?<!\w)gh[pousr]_[A-Za-z0-9]{36,255}",
            r"(?<!\w)github_pat_\w{22,255}",
            r"(?<!\w)glpat-[\w-]{20,64}",
            r"(?<!\w)AIza[\w-]{35}(?!\w)",
            r"(?<!\w)xox[abeoprs]-[A-Za-z0-9-]{10,250}",
            r"(?<!\w)[srp]k_(?:live|test)_[A-Za-z0-9]{16,250}",
            r"(?<!\w)hf_[A-Za-z0-9]{30,60}(?!\w)",
        ),
    ),
    Pattern("SECRET", ("://",), _shape(r"(?<=://)[^\s:/@<>\"'\x00]{0,64}:[^\s/@<>\"'\x00]{1,256}(?=@)")),
    Pattern("SECRET", ("earer ",), _shape(r"(?<=[Bb]earer )[\w.~+/-]{20,2000}={0,2}")),
    Pattern(
        "EMAIL",
        ("@",),
        _shape(
            r"(?<![A-Za-z0-9.!#$%&'*+/=?^_`{|}~-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
        ),
    ),
    Pattern("IP", (":",), _shape(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![\w:])"), _ipv6),
    Pattern("IP", (), _shape(rf"(?<![\w.])(?:{_NUMBER}\.){{3}}{_NUMBER}(?!\w|\.\d)"), _ipv4),
    Pattern(
        "NATIONAL_ID",
        (),
        _shape(r"(?<!\w)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)"),
        _chinese_id,
    ),
    Pattern("IBAN", (), _shape(r"(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"), _iban),
    Pattern(
        "CARD",
        (),
        _shape(r"(?<![\w.])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5}|\d{13,19})(?!\w)"),
        _card,
    ),
    Pattern("NATIONAL_ID", (), _shape(r"(?<![\w-])(?!000|666|9)\d{3}([ -])(?!00)\d\d\1(?!0000)\d{4}(?![\w-])")),
    Pattern(
        "PHONE",
        (),
        _shape(
            r"(?<![\w+])(?:(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"
            r"|(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
            r"|(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[.-])\d{3}[ .-]\d{4}"
            r"|(?:\(0\d{2,3}\)|0\d{2,3})[ -]?\d{7,8}"
            r"|(?:\(0\d{3,4}\)|0\d{3,4})[ -]\d{3}[ -]?\d{3,4})(?!-?\w)"
        ),
        _phone,
    ),
)
