"""Secrets go, with the reason in their place; everything else stays as it was."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture import scrubbing
from telemetry.capture.line import RESERVED
from telemetry.capture.scrubbing import DEFAULT_PATTERNS, Scrubber, ScrubMatch
from telemetry.core.errors import InvalidError

SCRUBBER = Scrubber()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def"
GITHUB = "ghp_" + "a1" * 18
PEM = "-----BEGIN RSA PRIVATE KEY-----{}-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("login password=hunter2 ok", "login password=[scrubbed: password] ok"),
        ("password: a, user: b", "password: [scrubbed: password], user: b"),
        ('{"passwd":"y z"} x', '{"passwd":"[scrubbed: passwd]"} x'),
        ('x \\"pwd\\": \\"h2\\"', 'x \\"pwd\\": \\"[scrubbed: pwd]\\"'),
        ("User(secret='h\\'2', n=1)", "User(secret='[scrubbed: secret]', n=1)"),
        ("DB_PASSWORD=abc,USER=b", "DB_PASSWORD=[scrubbed: password],USER=b"),
        ("error: password: a", "error: password: [scrubbed: password]"),
        ('msg="api_key=abc"', 'msg="api_key=[scrubbed: api_key]"'),
        ("API key: abc", "API key: [scrubbed: api_key]"),
        ("?access_token=a&b=2", "?access_token=[scrubbed: access_token]&b=2"),
        ("credential={'a': {'b': 1}} x", "credential=[scrubbed: credential] x"),
        ("run --password h2 -x", "run --password [scrubbed: password] -x"),
        ("['--password', 'h2']", "['--password', '[scrubbed: password]']"),
        ("Authorization: abc", "Authorization: [scrubbed: authorization]"),
        (
            "Authorization: Basic abc from x",
            "Authorization: Basic [scrubbed: authorization] from x",
        ),
        ("got Bearer abcdef12 x", "got Bearer [scrubbed: authorization] x"),
        ("Cookie: a=b; c=d\nx", "Cookie: [scrubbed: cookie]\nx"),
        (f"jwt is {JWT} x", "jwt is [scrubbed: jwt] x"),
        ("db://bob:s@x@host/a", "db://bob:[scrubbed: url_password]@host/a"),
        ("AKIAIOSFODNN7EXAMPLE", "[scrubbed: aws_access_key]"),
        (f"use {GITHUB}", "use [scrubbed: github_token]"),
        ("sk-proj-abc123abc123abc1", "[scrubbed: api_key]"),
        ("xoxb-123456789012-abc", "[scrubbed: slack_token]"),
        (PEM.format("\nabc\n"), PEM.format("[scrubbed: private_key]")),
        ("-----BEGIN PRIVATE KEY-----\nabc", None),
    ],
)
def test_secrets_in_texts_go(text: str, clean: str | None) -> None:
    """Only the secret part is replaced, once; a second look changes nothing."""
    found = SCRUBBER.text(text)

    assert found == clean or (clean is None and "abc" not in found)
    assert SCRUBBER.text(found) == found
    assert SCRUBBER.suspects(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "author=bob authors: a, b authentic=yes auth: failed",
        "session_id=abc keyboard=us monkey: see",
        "tokenizer=bpe max_tokens=512 tokens: 12 total_tokens=3",
        "next_page_token=abc password_length=12 token_type=bearer",
        "Bearer authentication failed",
        "task-12 disk-1 risk-taking-is-something-2-good-for",
        "def f(token: str, password=None)",
        "    password = load_password(user)",
        "PWD=/srv/app secret::Key password=***",
        "https://example.org:8080/a@b me@example.org",
        "password:",
        "",
    ],
)
def test_harmless_texts_stay(text: str) -> None:
    """What only looks like a secret is returned as the same object."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "dbPassword",
        "X-Api-Key",
        "openaiApiKey",
        "APIKEY",
        "Set-Cookie",
        "user.passwd",
        "accesstoken",
        "client_secret_1",
        "AWS_SECRET_ACCESS_KEY",
        "ssn",
        "Proxy-Authorization",
        "credit_card",
        "credentials",
        "access_tokens",
        "JWT",
    ],
)
def test_secret_keys_are_told_by_their_words(key: str) -> None:
    """In any style; the value goes whatever it is, and the key stays."""
    for value in ("hunter2", ["a"], {"a": 1}, b"x"):
        (found,) = SCRUBBER.fields({key: value}).values()
        assert re.fullmatch(r"\[scrubbed: [a-z_]+\]", str(found))


@pytest.mark.parametrize(
    "key",
    [
        "author",
        "authors",
        "auth_method",
        "session_id",
        "authentic",
        "tokenizer",
        "keyboard",
        "monkey",
        "secretary",
        "tokens",
        "token_count",
        "next_page_token",
        "cookies_enabled",
        "passport",
        "key",
        "password_length",
        "input_id",
        "compass",
        "mssn",
    ],
)
def test_harmless_keys_stay(key: str) -> None:
    """Letters inside a word mean nothing; the mapping is the same object."""
    fields = {key: "value"}

    assert SCRUBBER.fields(fields) is fields


@pytest.mark.parametrize("value", [None, True, "", [], "***", "[scrubbed: token]"])
def test_values_that_tell_nothing_stay(value: object) -> None:
    """A bool, a mask and nothing at all are no secrets."""
    fields = {"token": value}

    assert SCRUBBER.fields(fields) is fields


def test_numbers_are_secrets_but_counts_are_not() -> None:
    """A card number goes; a number of tokens stays."""
    fields = {"card_number": 4111111111111111, "max_token": 512, "token": 7}

    assert SCRUBBER.fields(fields) == {
        **fields,
        "card_number": "[scrubbed: card_number]",
    }


def test_nested_values_are_looked_into() -> None:
    """Five levels down, in lists, tuples, bytes and keys; neighbours stay."""
    deep: dict[str, Any] = {"a": [{"b": ({"c": {"password": "x1", "n": 1}},)}]}
    found: Any = SCRUBBER.fields({**deep, "raw": b"pwd=x1", f"k {GITHUB}": 2})

    assert found["a"][0]["b"][0]["c"] == {"password": "[scrubbed: password]", "n": 1}
    assert found["raw"] == b"pwd=[scrubbed: pwd]"
    assert found["k [scrubbed: github_token]"] == 2
    assert deep["a"][0]["b"][0]["c"]["password"] == "x1"


def test_json_texts_are_parsed() -> None:
    """Also JSON within JSON; what stays has its value and its order."""
    inner = json.dumps({"password": {"value": "hunter2"}, "n": 1})
    text = json.dumps({"z": 1, "body": inner, "a": "ü"})

    found = json.loads(SCRUBBER.text(text))

    assert list(found) == ["z", "body", "a"]
    assert json.loads(found["body"]) == {"password": "[scrubbed: password]", "n": 1}
    assert found["a"] == "ü"


def test_doubled_json_keys_hide_nothing() -> None:
    """A parser sees only the last one of two equal keys."""
    assert "hunter2" not in SCRUBBER.text('{"password":"hunter2","password":""}')


def test_cycles_and_shared_values_end() -> None:
    """What contains itself ends, and shared values are walked once."""
    cycle: dict[str, Any] = {"password": "x1"}
    cycle["self"] = [cycle, cycle]
    shared: Any = ["pwd=x1"]
    for _ in range(30):
        shared = [shared, shared]

    assert SCRUBBER.fields({"c": cycle}) == {
        "c": {"password": "[scrubbed: password]", "self": ["[...]", "[...]"]}
    }
    SCRUBBER.fields({"s": shared})
    deep: Any = "pwd=x1"
    for _ in range(100_000):
        deep = [deep]
    assert "nested deeper" in repr(SCRUBBER.fields({"d": deep}))


@pytest.mark.parametrize(
    "piece",
    [
        "a=b ",
        "password=,",
        "eyJ",
        "sk-",
        "://u:",
        "token:'",
        "a-",
        "\\",
        "Bearer ",
        "{",
    ],
)
def test_huge_texts_end(piece: str) -> None:
    """A megabyte that nearly matches everywhere is done in linear time."""
    SCRUBBER.text(piece * (100_000 // len(piece)) + " token")


ALNUM = string.ascii_letters + string.digits
SECRETS = st.text(ALNUM, min_size=12, max_size=40).map(lambda text: "9" + text)
AROUND = st.text(st.characters(codec="utf-8"), max_size=30)


@given(AROUND, SECRETS, AROUND)
def test_no_secret_of_these_shapes_survives(
    before: str, secret: str, after: str
) -> None:
    """Whatever stands around it, on lines of its own."""
    shapes = [
        f"password={secret}",
        f'"api_key": "{secret}!,; x"',
        f"Authorization: Bearer {secret}",
        f"Bearer {secret}",
        f"postgres://bob:{secret}@host/db",
        f"ghp_{secret}{'a' * 20}",
        f"sk-{secret}aaaa",
        f"xoxb-{secret}",
        f"eyJ{secret}.eyJ{secret}.{secret}",
        PEM.format(secret),
    ]
    for shape in shapes:
        text = f"{before}\n{shape}\n{after}"
        if secret not in before + after:
            assert secret not in SCRUBBER.text(text)
            assert SCRUBBER.suspects(text.encode("utf-8", "surrogatepass"))


@given(st.text(max_size=200))
def test_markers_miss_nothing(text: str) -> None:
    """A text without any marker is clean: the short way may leave it alone."""
    data = text.encode("utf-8", "surrogatepass")

    if not any(marker in data for marker in SCRUBBER.markers):
        assert SCRUBBER.text(text) is text
    if not SCRUBBER.suspects(data):
        assert SCRUBBER.text(text) is text


@given(st.text(ALNUM + ' "=:-_.,{}[]\\', max_size=200))
def test_a_second_look_changes_nothing(text: str) -> None:
    """A line that is scrubbed in a container is looked at again by others."""
    once = SCRUBBER.text(f"token {text}")

    assert SCRUBBER.text(once) == once


def test_own_patterns() -> None:
    """A name matches keys and pairs; an expression gives its group, or all of it."""
    own = Scrubber(("case number", r"ORD-(?P<order>\d+)", "X[0-9]{4}"))

    assert own.text("caseNumber=12") == "caseNumber=[scrubbed: case_number]"
    assert own.text("see ORD-77") == "see ORD-[scrubbed: order]"
    assert own.text("X1234 password=a") == "[scrubbed: X[0-9]{4}] password=a"
    assert own.fields({"X1234": 5}) == {"X1234": "[scrubbed: X[0-9]{4}]"}
    assert own.markers == ()


def test_no_patterns_no_scrubbing() -> None:
    """Scrubbing can be switched off."""
    fields = {"password": f"Bearer {JWT}"}

    assert Scrubber(()).fields(fields) is fields
    assert not Scrubber(()).active
    assert not Scrubber(()).suspects(b"password=x")


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("password", "scrub_patterns is 'password'; it must be a sequence"),
        (["a", 3], r"scrub_patterns\[1\] is 3; it must be a non-empty text"),
        ([""], r"scrub_patterns\[0\] is ''"),
        (["(a"], r"scrub_patterns holds '\(a'; .*regular expression: missing \)"),
        (["a*"], "scrub_patterns holds 'a.'; it must not match an empty text"),
    ],
)
def test_bad_patterns_are_refused(patterns: Any, message: str) -> None:
    """The error names the key, the value and the reason."""
    with pytest.raises(InvalidError, match=message):
        Scrubber(patterns)


def test_allowed_keys_stay_but_not_the_shapes_inside() -> None:
    """An allowed key keeps its value, in fields and in texts."""
    some = Scrubber(allow=("Session_Token",))

    assert some.fields({"session_token": "abc"}) == {"session_token": "abc"}
    assert some.text("session_token=abc") == "session_token=abc"
    assert JWT not in str(some.fields({"session_token": JWT}))
    assert some.text("x_token=abc") == "x_token=[scrubbed: token]"


def test_callback_sees_and_keeps() -> None:
    """It gets path, value and pattern; what it returns is kept, None is scrubbed."""
    seen: list[ScrubMatch] = []

    def judge(match: ScrubMatch) -> object:
        seen.append(match)
        return match.value if match.path[-1] == "token" else None

    found = Scrubber(callback=judge).fields({"a": [{"token": "t1"}], "m": "pwd=x1"})

    assert found == {"a": [{"token": "t1"}], "m": "pwd=[scrubbed: pwd]"}
    assert seen == [
        ScrubMatch(("a", 0, "token"), "t1", "token"),
        ScrubMatch(("m", "pwd"), "x1", "pwd"),
    ]


def test_callback_that_raises_or_logs_scrubs() -> None:
    """A faulty callback keeps nothing; one that comes back to us is not asked again."""

    def faulty(match: ScrubMatch) -> object:
        raise ValueError(match)

    def nested(match: ScrubMatch) -> object:
        return again.text("pwd=inner")

    again = Scrubber(callback=nested)

    assert Scrubber(callback=faulty).text("pwd=x1") == "pwd=[scrubbed: pwd]"
    assert again.text("pwd=x1") == "pwd=pwd=[scrubbed: pwd]"


def test_safe_keys_are_learned() -> None:
    """Harmless keys are known from then on; secrets and our own names never are."""
    own = Scrubber()
    harmless = {"size": 1, "author": 2}

    assert not own.is_clean_key_set(harmless)
    own.learn([*harmless, "password", "exc_info", "stack_info", "event", "stack"])
    own.learn([*RESERVED, "positional_args", f"k {GITHUB}"])

    assert own.safe_keys == set(harmless)
    assert own.is_clean_key_set(harmless)


def test_what_is_remembered_is_bounded() -> None:
    """A program that makes keys of data does not fill the memory."""
    own = Scrubber()
    own.learn(f"key{number}" for number in range(10_000))
    own.fields({f"other{number}": number for number in range(10_000)})

    assert len(own.safe_keys) == scrubbing.SAFE_KEYS
    assert len(own._verdicts) <= scrubbing.SAFE_KEYS


def test_cut_texts_are_scrubbed_before() -> None:
    """A secret across the cut goes, though its end would be cut off."""
    text = "a" * 90 + " db://bob:" + "s" * 50 + "@host " + "b" * 20_000

    assert "sss" not in SCRUBBER.windowed(text, 110)[:110]
    assert len(SCRUBBER.windowed(text, 110)) < 10_000


def test_scrubber_in_force_is_set() -> None:
    """The seam answers what was in force before."""
    own = Scrubber((*DEFAULT_PATTERNS, "case_number"))
    before = scrubbing.set_scrubber(own)
    try:
        assert scrubbing.in_force is own
    finally:
        scrubbing.set_scrubber(before)
