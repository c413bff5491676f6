"""Which keys hold secrets: told by their words, never by letters inside a word.

``author`` is not ``auth``, a ``tokenizer`` is no ``token``, and ``password_length``
says nothing of the password.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

SECRET_NAMES: Final = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "access_token",
    "auth_token",
    "refresh_token",
    "api_token",
    "api_key",
    "access_key",
    "account_key",
    "private_key",
    "encryption_key",
    "signing_key",
    "master_key",
    "ssh_key",
    "authorization",
    "basic_auth",
    "proxy_auth",
    "cookie",
    "credential",
    "credit_card",
    "card_number",
    "cvv",
    "ssn",
    "social_security",
    "jwt",
    "amz_signature",
)
"""Names of secrets, in words. Source: the scrubbers of logfire and Sentry, less the
words that mostly name harmless things (``auth``, ``session``, ``key``)."""

_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:[ _-][A-Za-z0-9]+)*")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")

# Behind a name, they make it the name of something that can be shown.
_ABOUT: Final = (
    "age|algorithm|attempts?|audience|bits|bytes|changed|chars|count|counts|created|"
    "duration|enabled|endpoint|errors?|exists|expir(?:ed|es|y|ation)|failed|field|"
    "format|hint|invalid|issuer|kind|len|length|limit|max|min|missing|ms|name|names|"
    "policy|present|provided|refreshed|required|reset|rotated|rotation|scheme|scope|"
    "seconds|set|size|source|status|strength|ttl|type|updated|uri|url|usage|used|valid|"
    "validated|verified|version"
)
# Words that are told from others when run together: `dbpassword`.
_ENDING_CHARS: Final = 5

# Keys and values that are harmless for one name alone.
_TOKEN_COUNTS: Final = re.compile(
    r"_(?:next|page|continuation|bos|eos|pad|unk|mask|sep|cls|stop|special|"
    r"max|min|num|total|per)_token_"
)
_NUMBER: Final = re.compile(r"[+-]?\d{1,12}(?:\.\d+)?")
_HARMLESS: Final = re.compile(
    r"[*•.…]*|[xX]{3,}|\[scrubbed: .*|none|null|nil|true|false|undefined|"
    r"str|string|bytes|int|bool|float|optional|required|missing|invalid|expired|incorrect|wrong|empty|unset|"
    r"redacted|masked|hidden",
    re.IGNORECASE | re.DOTALL,
)


def is_name(pattern: str) -> bool:
    """Whether *pattern* is a name in words, and no regular expression."""
    return _NAME.fullmatch(pattern) is not None


def words(key: str) -> list[str]:
    """The words of a key in any style: ``X-Api-Key``, ``apiKey``, ``api_key``."""
    return [word.lower() for word in _WORD.findall(key)]


def hints(names: Sequence[str]) -> tuple[str, ...]:
    """A few texts: what contains none of them in lower case contains no name."""
    split = [words(name) for name in names]
    often = Counter(word for parts in split for word in parts)
    chosen = {max(parts, key=lambda word: (often[word], len(word))) for parts in split}
    return tuple(
        sorted(
            hint
            for hint in chosen
            if not any(other != hint and other in hint for other in chosen)
        )
    )


class SecretNames:
    """Tells secret keys from harmless ones, by the names of secrets."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple("_".join(words(name)) for name in names)
        self._find = re.compile(
            "|".join(f"(?P<n{number}>{_pattern(n)})" for number, n in self._by_length())
            or r"(?!)"
        )

    def _by_length(self) -> list[tuple[int, str]]:
        # The longest one first: it says more of what was found.
        return sorted(enumerate(self._names), key=lambda found: -len(found[1]))

    def of(self, key: str) -> str | None:
        """The name that *key* has in it, or None when the key is harmless."""
        joined = f"_{'_'.join(words(key))}_"
        found = self._find.search(joined)
        if found is None or found.lastgroup is None:
            return None
        name = self._names[int(found.lastgroup[1:])]
        if name == "token" and _TOKEN_COUNTS.search(joined):
            return None
        return name


def _pattern(name: str) -> str:
    parts = name.split("_")
    before = "[a-z]*" if sum(map(len, parts)) >= _ENDING_CHARS else ""
    # `tokens` are counted or are words of a text; `access_tokens` are secrets.
    after = "" if name == "token" else "s?"
    return f"_{before}{'_?'.join(parts)}{after}_(?!(?:{_ABOUT})_)"


def is_harmless(name: str, value: str) -> bool:
    """Whether a value under a secret's name tells nothing: a mask, a type, a count."""
    if _HARMLESS.fullmatch(value):
        return True
    if name.endswith("token"):
        return _NUMBER.fullmatch(value) is not None
    # The working folder in an environment; a database's password is no path.
    return name == "pwd" and value.startswith("/")


def tells_nothing(name: str, value: object) -> bool:
    """As `is_harmless`, for a value of any type: a bool, or nothing at all."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return is_harmless(name, str(value))
    if isinstance(value, str):
        return is_harmless(name, value)
    return isinstance(value, bytes | dict | list | tuple) and not value
