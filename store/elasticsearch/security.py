"""Roles and API keys with least rights: what stands in ``index_templates/roles.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from core.errors import InputError
from core.settings import ElasticsearchSettings
from store.elasticsearch.connection import translated
from store.elasticsearch.templates import FOLDER


def roles(settings: ElasticsearchSettings) -> dict[str, dict[str, Any]]:
    """Privileges by role; ``about`` says who it is for."""
    text = (FOLDER / "roles.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text.replace("${prefix}", settings.prefix))
    return found


def put_roles(client: Elasticsearch, settings: ElasticsearchSettings) -> list[str]:
    """Put all roles into the cluster; their names there."""
    names = []
    for name, role in roles(settings).items():
        full = f"{settings.prefix}_{name}"
        with translated():
            client.security.put_role(
                name=full,
                cluster=role["cluster"],
                indices=role["indices"],
                metadata={"about": role["about"]},
            )
        names.append(full)
    return names


def new_key(
    client: Elasticsearch,
    settings: ElasticsearchSettings,
    name: str,
    wanted: Sequence[str],
    *,
    days: float | None = None,
) -> str:
    """An API key that may do what the roles may, and no more; it is shown once.

    Raises InputError for a role that there is none of.
    """
    known = roles(settings)
    for role in wanted:
        if role not in known:
            raise InputError(f"no role {role!r}; there are: {', '.join(known)}")
    given = {
        role: {"cluster": known[role]["cluster"], "indices": known[role]["indices"]}
        for role in wanted
    }
    with translated():
        answer = client.security.create_api_key(
            name=f"{settings.prefix}-{name}",
            role_descriptors=given,
            expiration=None if days is None else f"{int(days * 24)}h",
        )
    return str(answer["encoded"])
