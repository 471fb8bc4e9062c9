"""Reports: a parameterized notebook, run in a kernel of its own, as one page that needs nothing."""

from foxgrape.reports.plan import ReportRequest
from foxgrape.reports.rebuild import RebuildResult, rebuild_report
from foxgrape.reports.run import ReportRun, run_report, run_reports
from foxgrape.reports.templates.discovery import Template, templates

__all__ = [
    "RebuildResult",
    "ReportRequest",
    "ReportRun",
    "Template",
    "rebuild_report",
    "run_report",
    "run_reports",
    "templates",
]
