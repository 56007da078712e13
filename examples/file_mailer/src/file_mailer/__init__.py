"""`MAIL__URL=file:///var/mail/outbox`: mails as files, one per mail. Load it with `CONTEXTS=file_mailer:FILE_MAILER`."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from api_base import Adapter, AdapterPorts, Adapters, Context, Mail, Mailer, Unavailable


class FileMailer(Mailer):
    """Writes each mail to `folder`, under its key: a mail that is sent twice is one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Mail) -> None:
        """Raises `Unavailable` if the folder cannot be written to."""
        text = f"To: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}"
        try:
            await asyncio.to_thread((self._folder / f"{mail.key}.txt").write_text, text)
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be written to: {error.strerror}") from error

    async def check(self) -> str:
        """What `api-base doctor` calls. Raises `Unavailable` without the folder."""
        if not self._folder.is_dir():
            raise Unavailable(f"{self._folder} is not a folder. Create it.")
        return str(self._folder)


def _validate(url: str) -> None:
    parts = urlsplit(url)
    if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise ValueError("must be file:///path/of/a/folder")


def _build(ports: AdapterPorts) -> Mailer:
    return FileMailer(Path(unquote(urlsplit(ports.settings.mail.url.get_secret_value()).path)))


FILE = Adapter(build=_build, url="file:///path/of/a/folder", summary="Writes each mail to a file.", validate=_validate)
FILE_MAILER = Context(name="file_mailer", adapters=Adapters(mail={"file": FILE}))
