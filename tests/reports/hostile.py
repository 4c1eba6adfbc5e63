"""Names as an attacker, or an unlucky user, would choose them."""

from __future__ import annotations

from dataclasses import replace

from lrdoctor.types import Note, Role
from lrdoctor.verdict import Diagnosis, ReadFailure, Report
from tests.reports.sample_report import late_peak, sample_report

NAMES = {
    "image": '<img src=x onerror="alert(1)">',
    "script": "</script><script>alert(1)</script>",
    "style": "</style><b>",
    "attribute": "\" onmouseover='alert(1)' x=\"",
    "template": "{{7*7}}{% raw %}",
    "separator": "a\u2028b\u2029c",
    "bidi": "safe\u202egnp.exe\u2066",
    "control": "a\x00b\x07\x1b[31mred\x1b[0m",
    "lines": "one\n::error file=x::two\r\nthree",
    "long": "x" * 400,
    "surrogate": "a\udc80b",
    "markdown": "[a](javascript:alert(1)) |cell| `code` @everyone # h",
    "wide": "学習率" * 60,
}


def hostile_run(name: str) -> Diagnosis:
    """A run in which every text from a log is ``name``."""
    run = late_peak()
    result, *rest = run.results
    assert result.finding is not None
    evidence = replace(result.finding.evidence, param_group=name, tags=(name,), revision=name)
    finding = replace(result.finding, evidence=evidence, message=name)
    candidate = replace(
        run.candidates[0],
        title=name,
        diff=f"-{name}\n+{name}",
        code={name: name},
        curves=tuple(replace(c, tag=name, param_group=name) for c in run.candidates[0].curves),
        schedules={name: run.candidates[0].schedules["head"]},
    )
    return replace(
        run,
        run=name,
        files=(name,),
        format=name,
        roles={Role.LR: (name,), Role.TRAIN_LOSS: (name,)},
        schedules=tuple(
            replace(s, param_group=name, tag=name, code={name: name}) for s in run.schedules
        ),
        results=(replace(result, finding=finding), *(replace(r, reason=name) for r in rest)),
        candidates=(candidate,),
        curves=tuple(replace(c, tag=name, param_group=name) for c in run.curves),
        hparams={name: name},
        notes=(Note(name, name, name, 3),),
    )


def hostile_report(name: str) -> Report:
    """A report in which every text but the rules' is ``name``."""
    return replace(
        sample_report(),
        diagnoses=(hostile_run(name),),
        unreadable=(ReadFailure(name, name),),
        arguments=(name,),
        notes=(Note(name, name, name),),
    )
