"""The ways out: e-mail, signed webhook, Telegram bot. Each sends one message or raises."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import httpx

from core.clock import Clock
from core.errors import OqigaError
from core.secret_files import secret_key, secret_text
from core.settings import AlertRule, Settings

SIGNATURE = "X-Oqiga-Signature"
TIMESTAMP = "X-Oqiga-Timestamp"
DELIVERY = "X-Oqiga-Delivery"
TELEGRAM_CHARS = 4_096


class DeliveryError(OqigaError):
    """A message could not be delivered; the text says why and holds no secret."""


@dataclass(frozen=True)
class Message:
    """What is sent. ``id``: the delivery's, the same in every try; ``data``: for programs."""

    id: str
    title: str
    text: str
    data: dict[str, Any]


Send = Callable[[AlertRule, Message], None]


def channels(settings: Settings, clock: Clock) -> dict[str, Send]:
    """The channels by name. Secrets are read when they are needed."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, the bot's token too
    return {
        "email": lambda rule, message: _email(settings, clock, rule, message),
        "webhook": lambda rule, message: _webhook(settings, clock, rule, message),
        "telegram": lambda rule, message: _telegram(settings, rule, message),
    }


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """What a receiver compares: HMAC-SHA-256 in hex of the time, a full stop, and the body."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _email(settings: Settings, clock: Clock, rule: AlertRule, message: Message) -> None:
    given = settings.alerts
    if not given.smtp_host:
        raise DeliveryError("alerts.smtp_host is not set")
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"], mail["To"] = given.email_from, rule.to
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = make_msgid(message.id, domain="oqiga.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    try:
        with _smtp(settings) as server:
            if given.smtp_user:
                password = _secret(settings, "smtp_password_file", given.smtp_password_file)
                server.login(given.smtp_user, password)
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server refused: {_plain(error)}") from error


def _smtp(settings: Settings) -> smtplib.SMTP:
    given = settings.alerts
    if given.smtp_tls == "implicit":
        return smtplib.SMTP_SSL(
            given.smtp_host,
            given.smtp_port,
            timeout=given.timeout_s,
            context=ssl.create_default_context(),
        )
    server = smtplib.SMTP(given.smtp_host, given.smtp_port, timeout=given.timeout_s)
    if given.smtp_tls == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server


def _webhook(settings: Settings, clock: Clock, rule: AlertRule, message: Message) -> None:
    key = secret_key(settings.under_home(settings.alerts.webhook_secret_file))
    body = json.dumps({"id": message.id, **message.data}, ensure_ascii=False).encode()
    timestamp = str(int(clock.now().timestamp()))
    headers = {
        "Content-Type": "application/json",
        DELIVERY: message.id,
        TIMESTAMP: timestamp,
        SIGNATURE: "sha256=" + signature(key, timestamp, body),
    }
    _post(rule.to, body, headers, settings.alerts.timeout_s)


def _telegram(settings: Settings, rule: AlertRule, message: Message) -> None:
    token = _secret(settings, "telegram_token_file", settings.alerts.telegram_token_file)
    body = {
        "chat_id": rule.to,
        "text": f"{message.title}\n\n{message.text}"[:TELEGRAM_CHARS],
        "disable_web_page_preview": True,
    }
    url = f"{settings.alerts.telegram_api.rstrip('/')}/bot{token}/sendMessage"
    _post(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        settings.alerts.timeout_s,
    )


def _post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> None:
    try:
        answer = httpx.post(
            url, content=body, headers=headers, timeout=timeout_s, follow_redirects=False
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Not the error's text: it may hold the address, which holds the bot's token.
        raise DeliveryError(f"no answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise DeliveryError(f"the receiver answered {answer.status_code}")


def _secret(settings: Settings, setting: str, name: Path) -> str:
    return secret_text(settings.under_home(name), f"alerts.{setting}", "put the secret there")


def _plain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return str(error.smtp_code)
    return type(error).__name__
