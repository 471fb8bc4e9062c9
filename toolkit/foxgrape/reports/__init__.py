"""Reports: a parameterized notebook, run in a kernel of its own, as one page that needs nothing."""

from foxgrape.reports.catalogue import Template, templates
from foxgrape.reports.plan import ReportRequest
from foxgrape.reports.rebuild import Rebuilt, rebuild_report
from foxgrape.reports.run import ReportRun, run_report, run_reports

__all__ = [
    "Rebuilt",
    "ReportRequest",
    "ReportRun",
    "Template",
    "rebuild_report",
    "run_report",
    "run_reports",
    "templates",
]
