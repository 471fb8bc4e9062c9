"""Build reports: run a parameterized notebook and render it as one self-contained page."""

from foxgrape.reports.open_data import open_data
from foxgrape.reports.plan import ReportRequest
from foxgrape.reports.run import (
    RebuildResult,
    ReportRun,
    rebuild_report,
    run_report,
    run_reports,
)
from foxgrape.reports.templates.discovery import Template, templates

__all__ = [
    "RebuildResult",
    "ReportRequest",
    "ReportRun",
    "Template",
    "open_data",
    "rebuild_report",
    "run_report",
    "run_reports",
    "templates",
]
