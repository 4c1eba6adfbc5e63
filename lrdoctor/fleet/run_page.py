"""The page of one run of a fleet, made where the run is judged."""

from __future__ import annotations

from lrdoctor._version import __version__
from lrdoctor.fleet.worker import Job
from lrdoctor.types import Severity
from lrdoctor.verdict import Diagnosis, Report


def run_page(diagnosis: Diagnosis, job: Job) -> str:
    """The page of a run with an error or a warning, as in the folder of a report; "" of others."""
    if all(finding.severity is Severity.INFO for finding in diagnosis.findings):
        return ""
    from lrdoctor.reports._site import page_of_run

    report = Report(
        diagnoses=(diagnosis,),
        unreadable=(),
        version=__version__,
        rulebook_digest=job.rulebook.digest,
        arguments=("scan",),
        rules=job.rulebook.rules,
    )
    return page_of_run(report, "../index.html")
