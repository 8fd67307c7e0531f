"""The JSON text of a record as every store keeps it."""

from __future__ import annotations

import json

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from core.errors import InputError
from core.ids import content_digest
from core.records import Post, Report


def readable_body(record: Post | Report) -> str:
    """JSON that certainly can be read back: one record that cannot would stop every reader."""
    try:
        body = record.model_dump_json()
        type(record).model_validate_json(body)
    except (PydanticSerializationError, ValidationError) as error:
        raise InputError(
            f"{type(record).__name__} {record.id} cannot be kept: its JSON is nested too deeply "
            "or has halves of characters; send it without them"
        ) from error
    return body


def body_digest(body: str) -> str:
    """Digest of a kept record, all of it, independent of the order of its fields."""
    return content_digest(json.loads(body))
