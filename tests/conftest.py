"""In CI nothing may be skipped: what a test needs is there, or the run fails.

Only the external test sets, whose licences keep them out of the project, may be absent.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.elastic import elastic, elastic_prefix, elastic_store

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # a busy machine is no counterexample

__all__ = ["elastic", "elastic_prefix", "elastic_store"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    skipped = [report for report in skipped if "external" not in report.keywords]
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        for report in skipped:
            reporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
