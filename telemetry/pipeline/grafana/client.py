"""What we ask of a Grafana, with errors that say what to do.

Uses addresses by uid alone: those by number are off since Grafana 13.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from telemetry.core.errors import Error
from telemetry.pipeline.grafana.address import (
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    USER_VARIABLE,
    Address,
)
from telemetry.pipeline.grafana.bodies import Body

INSTALL: Final = "pip install 'input-telemetry[grafana]'"
_MESSAGE: Final = "pushed by input-telemetry"
_SHOWN: Final = 200


class GrafanaError(Error):
    """Grafana could not be asked, or said no; the message says what to do."""


class MissingExtraError(GrafanaError):
    """grafana-client is not installed."""


class ChangedMeanwhileError(GrafanaError):
    """Somebody saved it between our look and our own saving."""


class Grafana:
    """One Grafana. Not safe from several threads; close it after use.

    Args:
        where: Its address, and who asks.

    Raises:
        MissingExtraError: grafana-client is not installed.
    """

    def __init__(self, where: Address) -> None:
        try:
            from grafana_client.api import GrafanaApi  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise MissingExtraError(
                f"grafana-client is not installed: {INSTALL}"
            ) from error
        self.where: Final = where
        # Any: its methods have no types.
        self._api: Final[Any] = GrafanaApi(
            where.credential,
            host=where.host,
            port=where.port,
            url_path_prefix=where.prefix,
            protocol=where.scheme,
            timeout=where.timeout_s,
        )

    def close(self) -> None:
        """Give up the connections."""
        self._api.client.s.close()

    # -- what we ask --------------------------------------------------------------

    def folder(self, uid: str) -> Body | None:
        """The folder, or None."""
        return self._look(lambda: self._api.folder.get_folder(uid))

    def create_folder(self, uid: str, title: str) -> None:
        """Make the folder."""
        self._ask(lambda: self._api.folder.create_folder(title, uid=uid))

    def dashboard(self, uid: str) -> Body | None:
        """``{"dashboard": ..., "meta": ...}``, or None."""
        return self._look(lambda: self._api.dashboard.get_dashboard(uid))

    def save_dashboard(self, body: Body, folder_uid: str, *, overwrite: bool) -> None:
        """Create it, or update the version that *body* names.

        Raises:
            ChangedMeanwhileError: There is a newer version by now.
        """
        asked = {
            "dashboard": body,
            "folderUid": folder_uid,
            "overwrite": overwrite,
            "message": _MESSAGE,
        }
        self._ask(lambda: self._api.dashboard.update_dashboard(asked))

    def source(self, uid: str) -> Body | None:
        """The data source, or None."""
        return self._look(lambda: self._api.datasource.get_datasource_by_uid(uid))

    def create_source(self, body: Body) -> None:
        """Make the data source."""
        self._ask(lambda: self._api.datasource.create_datasource(body))

    def update_source(self, uid: str, body: Body) -> None:
        """Update the data source, the version that *body* names."""
        self._ask(lambda: self._api.datasource.update_datasource_by_uid(uid, body))

    # -- how we ask ---------------------------------------------------------------

    def _look(self, ask: Callable[[], object]) -> Body | None:
        try:
            return self._ask(ask)
        except _NotThereError:
            return None

    def _ask(self, ask: Callable[[], object]) -> Body:
        from grafana_client.client import GrafanaException  # noqa: PLC0415  # an extra

        try:
            answer = ask()
        except GrafanaException as error:
            raise self._said_no(error.status_code, error.response, error) from error
        except json.JSONDecodeError as error:
            raise self._no_grafana() from error
        except OSError as error:
            # grafana-client lets those of its HTTP library through.
            raise GrafanaError(
                f"nobody answers at {self.where.url}: {_cause(error)}"
            ) from error
        if not isinstance(answer, dict):
            raise self._no_grafana()
        return answer

    def _no_grafana(self) -> GrafanaError:
        return GrafanaError(
            f"{self.where.url} answers with a page, and not as Grafana's API does: "
            "look at the address, and at the sub-path if it has one"
        )

    def _said_no(self, status: int, answer: object, error: Exception) -> GrafanaError:
        known = answer if isinstance(answer, Mapping) else {}
        said = str(known.get("message") or answer or error)[:_SHOWN]
        url = self.where.url
        if status == 0:
            return GrafanaError(
                f"no answer from {url} within {self.where.timeout_s:g} s: {said}"
            )
        if status == HTTPStatus.NOT_FOUND:
            # Grafana's own have a message; those of a web server in front are pages.
            return _NotThereError(said) if known else self._no_grafana()
        if status == HTTPStatus.UNAUTHORIZED:
            return GrafanaError(f"{url} does not know who asks: {self._who()}")
        if status == HTTPStatus.FORBIDDEN:
            return GrafanaError(
                f"{url} does not allow it: {said}; dashboards want the role Editor, "
                "data sources the role Admin"
            )
        if status == HTTPStatus.PRECONDITION_FAILED:
            return ChangedMeanwhileError(
                f"somebody saved it meanwhile ({known.get('status', '412')}): {said}; "
                "look at what they did, and push again"
            )
        return GrafanaError(f"{url} answers {status}: {said}")

    def _who(self) -> str:
        if self.where.credential is None:
            return f"set {TOKEN_VARIABLE}, or {USER_VARIABLE} and {PASSWORD_VARIABLE}"
        if isinstance(self.where.credential, str):
            return f"the token in {TOKEN_VARIABLE} is wrong, or has expired"
        return f"the user {self.where.credential[0]!r} or the password is wrong"


class _NotThereError(GrafanaError):
    """404, from Grafana itself."""


def _cause(error: BaseException) -> str:
    """What went wrong at the bottom: the layers above only repeat it."""
    below: object = error
    while isinstance(below, BaseException):
        error = below
        wrapped = error.args[0] if error.args else None
        below = getattr(error, "reason", None)
        if not isinstance(below, BaseException):
            below = wrapped if isinstance(wrapped, BaseException) else error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0][:_SHOWN]
