"""A handler for those who attach one themselves: ``telemetry.LogHandler``."""

from __future__ import annotations

import logging

from telemetry.capture.log_records import feeds_itself, is_shown, leave
from telemetry.capture.noted_records import has_left
from telemetry.capture.sink import failed


class LogHandler(logging.Handler):
    """Leaves each record that it gets as a line of the input that made it.

    Needed only where the road ``logging`` is off; where it is on, each record is a
    line already, and this handler adds none. Attach it to a logger, in code or with
    ``dictConfig``::

        {"handlers": {"input": {"class": "telemetry.LogHandler"}}}

    Behind a ``QueueListener``, it knows the input only while the road is on: the
    road notes it when the record is made, and here it is too late.

    It has no lock and writes no stream, so it may be used from a signal handler. A
    formatter has no effect: the line holds what was said, not how it looks.

    ``logging`` itself costs several times what the line does. A program that needs
    none of it can leave out what is looked up for each record::

        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        logging._srcfile = None     # no file, line and function name

    The thread's name in our lines is then the one of the thread that handles the
    record. Source: Optimization in the logging HOWTO of the Python documentation.
    """

    def createLock(self) -> None:  # noqa: N802  # the name is logging's
        """There is nothing to lock, and none to be held across a fork."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Leave *record* as a line, if the filters let it pass; never raises for us."""
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):  # since 3.12: a filter may replace it
            record = passed
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Leave *record* as a line, unless it is one already."""
        try:
            if not has_left(record) and not feeds_itself(record):
                logger = logging.Logger.manager.loggerDict.get(record.name)
                if not isinstance(logger, logging.Logger):
                    logger = logging.root
                shown = is_shown(logger, record.levelno, LogHandler)
                leave(record, shown=shown)
        except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
            failed(error, "logging")
