"""Reports: a parameterized notebook, run in a kernel of its own, as one page that needs nothing."""

from foxgrape.reports.catalogue import Template, templates
from foxgrape.reports.run import ReportRun, run_report

__all__ = ["ReportRun", "Template", "run_report", "templates"]
