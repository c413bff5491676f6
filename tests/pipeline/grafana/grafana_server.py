"""A Grafana on loopback that keeps folders, dashboards with versions, and sources.

It answers as Grafana's HTTP API does in what we ask of it: paths, status codes, bodies
of errors, versions that a save has to name, and what newer versions do to what they
store. It has no routes by number, as Grafana 13 has none.

Source: the HTTP API of dashboards, folders and data sources, Grafana's documentation.
"""

from __future__ import annotations

import base64
import copy
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

Json = dict[str, Any]
Answer = tuple[int, object]

TOKEN: Final = "glsa_invented"
USER: Final = ("admin", "it's: a secret")


@dataclass
class Book:
    """What a Grafana knows, and how it behaves.

    Attributes:
        prefix: Its sub-path, such as ``/grafana``.
        role: Of whoever asks with the right token: Viewer, Editor, Admin.
        converts: It adds defaults to what it stores, as 13 does.
        provisioned: Uids that belong to files.
        asked: Methods and paths, in order.
        before_save: Called as a dashboard is saved, before it is looked at.
        page: Answer everything with a page, as a web server in front does.
        stands_still: Answer nothing until it is set.
    """

    prefix: str = ""
    role: str = "Admin"
    converts: bool = False
    provisioned: set[str] = field(default_factory=set)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    folder_of: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before_save: Callable[[], None] = lambda: None
    page: bool = False
    broken: int = 0
    stands_still: threading.Event | None = None

    def edit(self, uid: str, change: Callable[[Json], None]) -> None:
        """Somebody changes a dashboard in the browser and saves it."""
        change(self.dashboards[uid])
        self.dashboards[uid]["version"] += 1

    @property
    def writes(self) -> list[str]:
        """What was asked that changes something."""
        return [line for line in self.asked if not line.startswith("GET")]

    # -- folders ------------------------------------------------------------------

    def get_folder(self, uid: str) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        return 200, self.folders[uid]

    def post_folder(self, body: Json) -> Answer:
        if body["uid"] in self.folders:
            return 412, {"message": "already exists", "status": "version-mismatch"}
        self.folders[body["uid"]] = {**body, "version": 1}
        return 200, self.folders[body["uid"]]

    # -- dashboards ---------------------------------------------------------------

    def get_dashboard(self, uid: str) -> Answer:
        if uid not in self.dashboards:
            return 404, {"message": "Dashboard not found", "status": "not-found"}
        meta = {
            "folderUid": self.folder_of[uid],
            "provisioned": uid in self.provisioned,
            "version": self.dashboards[uid]["version"],
        }
        return 200, {"dashboard": self.dashboards[uid], "meta": meta}

    def post_dashboard(self, body: Json) -> Answer:
        self.before_save()
        board = copy.deepcopy(body["dashboard"])
        uid = board["uid"]
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        folder = body.get("folderUid", "")
        if folder and folder not in self.folders:
            return 400, {"message": "folder not found", "status": "not-found"}
        there = self.dashboards.get(uid)
        if there and not body.get("overwrite") and board.get("version") is None:
            return 412, {"message": "A dashboard with the same uid already exists"}
        if there and not body.get("overwrite") and board["version"] != there["version"]:
            message = "The dashboard has been changed by someone else"
            return 412, {"message": message, "status": "version-mismatch"}
        board["version"] = there["version"] + 1 if there else 1
        if self.converts:
            board = _converted(board)
        self.dashboards[uid] = board
        self.folder_of[uid] = folder
        done = {"uid": uid, "version": board["version"], "status": "success"}
        return 200, {**done, "url": f"{self.prefix}/d/{uid}/x"}

    # -- data sources -------------------------------------------------------------

    def get_source(self, uid: str) -> Answer:
        if uid not in self.sources:
            return 404, {"message": "Data source not found"}
        return 200, self.sources[uid]

    def post_source(self, body: Json) -> Answer:
        if any(body["name"] == each["name"] for each in self.sources.values()):
            return 409, {"message": "data source with the same name already exists"}
        self.sources[body["uid"]] = {**body, "version": 1, "readOnly": False}
        return 200, {"datasource": self.sources[body["uid"]], "message": "added"}

    def put_source(self, uid: str, body: Json) -> Answer:
        there = self.sources[uid]
        if uid in self.provisioned:
            return 403, {"message": "Cannot update read-only data source"}
        if body.get("version", there["version"]) != there["version"]:
            return 409, {"message": "Datasource has already been updated"}
        self.sources[uid] = {**body, "version": there["version"] + 1}
        return 200, {"datasource": self.sources[uid], "message": "updated"}


def _converted(board: Json) -> Json:
    """As Grafana 13 stores it: with defaults of its own, without others."""
    board["annotations"]["list"].insert(
        0, {"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard"}
    )
    for panel in board["panels"]:
        panel.pop("transparent", None)
        panel.setdefault("pluginVersion", "13.2.0")
    return board


class _Handler(BaseHTTPRequestHandler):
    book: ClassVar[Book]

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def log_message(self, *_arguments: object) -> None:
        return

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length)
        self.book.asked.append(f"{method} {self.path}")
        if self.book.stands_still is not None:
            self.book.stands_still.wait(20)
        status, body = self._decided(method, json.loads(text) if text else {})
        page = isinstance(body, str)
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if page else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _decided(self, method: str, body: Json) -> Answer:
        book = self.book
        api = f"{book.prefix}/api"
        if book.page:
            return 200, "<html>Welcome</html>"
        if book.broken:
            return book.broken, {"message": "database is locked"}
        if not self.path.startswith(f"{api}/"):
            return 404, "<html>404 page not found</html>"
        if not self._is_known():
            return 401, {"message": "Invalid API key"}
        path = self.path.removeprefix(api).split("/")[1:]
        wanted = "Admin" if path[0] == "datasources" else "Editor"
        if method != "GET" and book.role not in {wanted, "Admin"}:
            return 403, {"message": f"You'll need permissions: {path[0]}:write"}
        return _routed(book, method, path, body)

    def _is_known(self) -> bool:
        basic = base64.b64encode(":".join(USER).encode()).decode()
        said = self.headers.get("Authorization", "")
        return said in {f"Bearer {TOKEN}", f"Basic {basic}"}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has read enough may hang up; the rest is a bug of the test.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _routed(book: Book, method: str, path: list[str], body: Json) -> Answer:
    last = path[-1]
    routes: dict[str, Callable[[], Answer]] = {
        "GET folders": lambda: book.get_folder(last),
        "POST folders": lambda: book.post_folder(body),
        "GET dashboards/uid": lambda: book.get_dashboard(last),
        "POST dashboards/db": lambda: book.post_dashboard(body),
        "GET datasources/uid": lambda: book.get_source(last),
        "POST datasources": lambda: book.post_source(body),
        "PUT datasources/uid": lambda: book.put_source(last, body),
    }
    asked = path if method == "POST" else path[:-1]
    # Routes by number are among what is not there.
    missing: Answer = (404, {"message": "Not found"})
    route = routes.get(f"{method} {'/'.join(asked)}", lambda: missing)
    return route()


@contextmanager
def serving(book: Book) -> Iterator[str]:
    """The address of a Grafana with this book, as people write it: no slash behind."""
    handler = type("Handler", (_Handler,), {"book": book})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), name="grafana"
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{book.prefix}"
        finally:
            if book.stands_still is not None:
                book.stands_still.set()
            server.shutdown()
            thread.join()
