"""Structured logs: JSON lines, or something readable on a terminal. Always on stderr."""

import logging
import sys

import structlog

from palate.settings import Settings

_SECRETS = ("password", "secret", "token", "api_key", "authorization")


def set_up_logs(settings: Settings, *, serving: bool = False) -> None:
    """Send structlog's and the standard library's records to stderr in one format.

    ``serving``: machines read them where no terminal does. A command's lines stand among what it
    reports, wherever that goes.
    """
    terminal = sys.stderr.isatty()
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and serving and not terminal
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=serving,
    )
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    if as_json:
        last += structlog.processors.format_exc_info, structlog.processors.JSONRenderer()
    else:
        plain = structlog.dev.plain_traceback
        last.append(structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=plain))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # Alembic reports every plugin it sets up.
    logging.getLogger("alembic").setLevel(max(root.level, logging.WARNING))
    # Each retry is a warning of theirs; who is told only warnings hears how it ended.
    retries = root.level if root.level < logging.WARNING else logging.ERROR
    for name in ("stamina", "urllib3"):
        logging.getLogger(name).setLevel(retries)


def _hide_secrets(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace values whose name says that they are secret."""
    return {
        name: "[hidden]" if any(word in name.lower() for word in _SECRETS) else value
        for name, value in event.items()
    }
