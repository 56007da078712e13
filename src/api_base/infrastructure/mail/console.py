"""Mail on the console, for development: writes each mail to the worker's log, with its links. Production refuses it."""

import asyncio
from typing import TextIO

from api_base.core.protocols import Mail, Mailer

_RULE = "─" * 72


class ConsoleMailer(Mailer):
    """Writes to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def send(self, mail: Mail) -> None:
        """Write the mail. Never refuses it."""
        await asyncio.to_thread(self._write, f"\n{_RULE}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}{_RULE}\n\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
