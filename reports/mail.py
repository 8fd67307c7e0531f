"""Sends a filed report by e-mail: the short version as text, the PDF attached."""

from __future__ import annotations

import smtplib
import ssl
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

from core import filing
from core.errors import OqigaError, SettingsError
from core.ids import digest
from core.secret_files import secret_text
from core.settings import ReportCopy, ReportSettings, Settings
from reports.run import home_of
from store.protocol import Store


def send_report(
    store: Store, settings: Settings, copy: ReportCopy, span: str, first: date, now: datetime
) -> int:
    """Send a filed report to the copy's addresses; how many got it now.

    One that was sent is not sent again: its digest is noted. Raises SettingsError, OqigaError.
    """
    if not copy.to:
        return 0
    message = compose(home_of(settings, copy), settings.reports, copy, span, first, now)
    key = f"report:sent:{copy.name}:{span}:{first.isoformat()}"
    if store.note(key) is not None:
        return 0
    _deliver(message, settings.reports, confidential=copy.audience == "confidential")
    store.put_note(key, now.isoformat())
    return len(copy.to)


def compose(
    folder: Path, settings: ReportSettings, copy: ReportCopy, span: str, first: date, now: datetime
) -> EmailMessage:
    """The message; raises OqigaError when the report was not made yet.

    Its subject names no incident, and a confidential one not even for whom it is: subjects are
    shown on locked screens and kept in the logs of mail servers.
    """
    stem = filing.stem(span, first)
    message = EmailMessage()
    about = "" if copy.audience == "confidential" else f" {copy.name}"
    message["Subject"] = f"Oqiga{about} {stem}"
    message["From"] = settings.sender
    message["To"] = ", ".join(copy.to)
    message["Date"] = format_datetime(now)
    host = settings.sender.rpartition("@")[2] or "localhost"
    message["Message-ID"] = f"<{digest('report', copy.name, stem)}@{host}>"
    marks = ["" if index == 0 else f".{lang}" for index, lang in enumerate(copy.languages)]
    try:
        texts = [(folder / f"{stem}{mark}.short.txt").read_text("utf-8") for mark in marks]
        message.set_content("\n\n".join(texts))
        for mark in marks:
            name = f"{stem}{mark}.pdf"
            message.add_attachment(
                (folder / name).read_bytes(), maintype="application", subtype="pdf", filename=name
            )
    except FileNotFoundError as error:
        raise OqigaError(
            f"{error.filename}: there is no such report; make it with `oqiga report {span}`"
        ) from error
    return message


def _deliver(message: EmailMessage, settings: ReportSettings, *, confidential: bool) -> None:
    host = settings.smtp_host
    if host is None:
        raise SettingsError("reports.smtp_host is not set; name the mail server")
    if confidential and settings.smtp_tls == "none" and not _loopback(host):
        raise SettingsError(
            "reports.smtp_tls is 'none': a confidential report is not sent in the clear; "
            "set it to 'starttls' or 'tls'"
        )
    context = ssl.create_default_context()
    try:
        with _connect(host, settings, context) as server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
            if settings.smtp_user is not None and settings.smtp_password_file is not None:
                password = secret_text(
                    settings.smtp_password_file,
                    "reports.smtp_password_file",
                    "write the password alone into it",
                )
                server.login(settings.smtp_user, password)
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise OqigaError(
            f"{host}:{settings.smtp_port}: the report was not sent ({type(error).__name__}); "
            "check the mail server and the [reports] settings"
        ) from error
    if refused:
        raise OqigaError(f"{host}: {len(refused)} addresses were refused; check reports.copies.to")


def _connect(host: str, settings: ReportSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    if settings.smtp_tls == "tls":
        return smtplib.SMTP_SSL(
            host, settings.smtp_port, timeout=settings.smtp_timeout_s, context=context
        )
    return smtplib.SMTP(host, settings.smtp_port, timeout=settings.smtp_timeout_s)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
