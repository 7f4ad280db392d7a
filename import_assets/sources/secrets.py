"""Secrets of connections: read from the environment at the moment they are needed (D42)."""

from __future__ import annotations

import os

from import_assets.errors import SourceError


def secret(connection: str, variable: str) -> str:
    """Return the secret that an environment variable holds.

    Args:
        connection: the connection's name, for the error.
        variable: the name of the variable.

    Raises:
        SourceError: the variable is not set, or empty.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise SourceError(
            f"connection {connection}: the environment variable {variable} is not set: set it "
            "where Dagster is started, or write it into the file .env of the project"
        )
    return value
