"""Secrets that are told by their shape, wherever they stand in a text.

A shape is a regular expression with one named group: the group is what is taken out,
and its name says why. Each shape here needs one of `MARKERS` and one of its own
hints in a text, so that most texts cost no regular expression at all.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Shape(NamedTuple):
    """A secret's shape.

    Attributes:
        expression: The regular expression.
        marker: A character that every match has in it.
        hint: A text that every match has in it.
    """

    expression: str
    marker: str
    hint: str


# At the begin of a run, or behind a line end that was written as a code. One begin
# for each run: the time is linear in the length of a text.
_BEGIN: Final = r"(?:(?<![\w-])|(?<=\\[nrt]))"

SHAPES: Final = (
    Shape(r"://[^\s/:@\"']*:(?P<url_password>[^\s/?#\"'<>]+)@", ":", "@"),
    # A digit tells a token from prose: "Bearer authentication failed".
    Shape(
        r"\bB(?:earer|EARER) +(?P<authorization>(?=[A-Za-z._~+/-]*[0-9])"
        r"[A-Za-z0-9._~+/-]{8,}=*)",
        "B",
        "earer ",
    ),
    Shape(_BEGIN + r"(?P<jwt>eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*)", "J", "eyj"),
    Shape(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<private_key>[\s\S]*?(?:(?=-----END )|\Z))",
        "-",
        "private key",
    ),
    Shape(
        r"(?P<aws_access_key>(?<![A-Z0-9])AKIA[A-Z0-9]{16})(?![A-Z0-9])", "K", "akia"
    ),
    Shape(r"(?P<github_token>gh[pousr]_[A-Za-z0-9]{20,})", "_", "gh"),
    Shape(r"(?P<github_token>github_pat_\w{20,})", "_", "github_pat_"),
    Shape(r"(?P<gitlab_token>glpat-[\w-]{16,})", "-", "glpat-"),
    Shape(r"(?P<slack_token>xox[abeoprs]-[\w-]{10,})", "-", "xox"),
    Shape(
        _BEGIN + r"(?P<api_key>sk-(?=[A-Za-z_-]*[0-9])[\w-]{16,})",
        "-",
        "sk-",
    ),
    Shape(_BEGIN + r"(?P<api_key>[sr]k_(?:live|test)_\w{10,})", "_", "k_"),
)
"""Source of the prefixes: the documentation of GitHub, GitLab, Slack, OpenAI, Stripe
and AWS; of the rest, RFC 6750, 7519, 7468 and 3986."""

PAIR_MARKERS: Final = "=:-"
"""One of them stands in every text that holds a key and its value."""

MARKERS: Final = "".join(
    dict.fromkeys(PAIR_MARKERS + "".join(shape.marker for shape in SHAPES))
)
"""A text with none of them holds no secret that a name or a shape here can tell."""

HEAD: Final = re.compile(
    r"""(?<![\w.-])(?P<key>[\w.-]++(?:[ ][\w.-]++)?)     # `password`, `API key`
        (?P<sign>\\*["']?\]?[ \t]{0,3}(?:=>|:=|==?|:(?!:|//))[ \t]{0,3})""",
    re.VERBOSE,
)
"""A key and the sign behind it, where a value may follow."""

FLAG: Final = re.compile(
    r"""(?<![\w.-])(?P<key>--?[A-Za-z][\w.-]*+)
        (?P<sign>[ ]+(?=[^\s-])|["'],[ ]*(?=["']))""",
    re.VERBOSE,
)
"""A flag of a command line, and a value behind it: ``--password x``."""

_VALUE: Final = re.compile(
    r"""(?P<escaped>\\+["'])(?P<a>(?:(?!(?P=escaped))[^\n])*)
      | [bBrRuUfF]{0,2}(?P<quote>["'])(?P<b>(?:\\.|(?!(?P=quote))[^\\\n])*)
      | (?P<c>(?:[^\s,;&"')\]}]
        | [,;&)\]}](?=[^\s"',;&)\]}])(?![\w.-]*+["']?[=:]))+)""",
    re.VERBOSE,
)
_REST_OF_LINE: Final = re.compile(r"""(?:\\*["'])?(?P<a>[^\r\n"']+)""")
_SCHEME: Final = re.compile(
    r"""(?:\\*["'])?(?:basic|bearer|token|apikey|negotiate|ntlm)[ ]+
        (?P<a>[^\s"',;\\]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_LONG_SCHEME: Final = re.compile(
    r"""(?:\\*["'])?(?:digest|aws4-hmac-sha256|oauth|hoba|mutual|vapid)[ ]+
        (?P<a>[^\r\n]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_BRACKET: Final = re.compile(r"[\[({\])}]")
_CODE: Final = re.compile(r"[A-Za-z_][\w.]*[(\[]|(?:self|cls)\.")


def value_behind(text: str, start: int, name: str, sign: str) -> tuple[int, int] | None:
    """Where the value of a secret begins and ends, when its key ends at *start*.

    Args:
        name: The secret's name: headers have a syntax of their own.
        sign: What stands between key and value.
    """
    found: re.Match[str] | None = None
    if name == "authorization":
        found = _SCHEME.match(text, start) or _LONG_SCHEME.match(text, start)
    elif name == "cookie":
        found = _REST_OF_LINE.match(text, start)
    # A line of source, in a traceback: `token = load_token()`.
    elif sign == " = " and _CODE.match(text, start):
        return None
    if found is None:
        if text[start : start + 1] in {"{", "[", "("}:
            return start, _closed(text, start)
        found = _VALUE.match(text, start)
    if found is None:
        return None
    spans = (found.span(g) for g in ("a", "b", "c") if found.groupdict().get(g))
    return next(spans, None)


def _closed(text: str, start: int) -> int:
    """Where the bracket that opens at *start* is closed; else the end of the text."""
    depth = 0
    for found in _BRACKET.finditer(text, start):
        depth += 1 if found.group() in "[({" else -1
        if depth == 0:
            return found.end()
    return len(text)
