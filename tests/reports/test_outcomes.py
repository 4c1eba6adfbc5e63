from __future__ import annotations

from dataclasses import replace

import pytest

from lrdoctor.reports._outcomes import claim, claims, gain, worth
from lrdoctor.reports._view import view
from lrdoctor.reports.html import Html
from lrdoctor.reports.text import Text
from lrdoctor.verdict import Outcome
from tests.reports.sample_report import late_peak, one_run_report

SURE = Outcome(
    "proxy", ("the proxy is a small one.", "seeds are paired"), baseline_loss=2.31, loss=2.24,
    interval=(2.2, 2.28), gain_interval=(0.03, 0.11), grade="A", seeds=8, device="cuda:0",
    seconds=3.1,
)  # fmt: skip


def test_sure_gain_is_told_with_losses_grade_and_effort() -> None:
    assert claim(SURE) == (
        "saves 0.03 to 0.11 of loss: 2.31 → 2.24 (2.2 to 2.28); grade A; 8 seeds; on cuda:0; "
        "in 3.1 s"
    )


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ((0.0, 0.1), "direction only: probably a lower loss"),
        ((-0.02, 0.1), "direction only: probably a lower loss"),
        ((-0.1, 0.1), "direction only: no effect shows"),
        ((-0.1, 0.02), "direction only: probably a higher loss"),
    ],
)
def test_gain_that_may_be_none_has_a_direction_and_no_number(
    bounds: tuple[float, float], told: str
) -> None:
    outcome = replace(SURE, gain_interval=bounds)
    text = claim(outcome)
    assert text.startswith(told)
    assert "2.24" not in text and "0.1" not in text
    assert gain(outcome) is None


def test_verdict_of_a_training_leads_and_a_proxy_claims_nothing_of_your_model() -> None:
    better = claim(replace(SURE, verdict="better"))
    assert better.startswith("better on this proxy (no loss of your model); saves 0.03 to 0.11")
    none = replace(SURE, verdict="no effect", gain_interval=(0.001, 0.002))
    assert claim(none).startswith("no effect on this proxy (no loss of your model); grade A")
    assert gain(none) is None
    worse = replace(SURE, level="user", verdict="worse", gain_interval=(-0.2, -0.1))
    assert claim(worse).startswith("worse; costs 0.1 to 0.2 of loss")


def test_sure_harm_is_told_with_numbers() -> None:
    text = claim(replace(SURE, loss=2.4, interval=(2.3, 2.5), gain_interval=(-0.19, -0.01)))
    assert text.startswith("worse: costs 0.01 to 0.19 of loss: 2.31 → 2.4 (2.3 to 2.5)")


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ((0.5, 0.96), "range only: a final loss of 0.5 to 0.96; grade C"),
        ((-2.3, 1.9), "range only: a final loss of at most 1.9; grade C"),
        ((-30.0, -4.6), "range only, and not a usable one"),
    ],
)
def test_constant_lr_gives_a_range_and_never_a_gain(
    interval: tuple[float, float], told: str
) -> None:
    outcome = Outcome(
        "law", (), grade="C", baseline_loss=0.7, interval=interval, gain_interval=(0.1, 0.9)
    )
    assert claim(outcome).startswith(told)
    assert gain(outcome) is None


def test_refusal_gives_its_reason_and_needs_no_assumption() -> None:
    refused = Outcome("law", ("the laws hold",), grade="D", refused="too few losses")
    fix = replace(late_peak().candidates[0], outcomes=(refused,))
    (_, law) = claims(fix)
    assert (law.state, law.text, law.assuming) == ("refused", "refused: too few losses", "")


def test_every_level_has_a_line_the_dry_run_first() -> None:
    fix = late_peak().candidates[0]
    told = list(claims(replace(fix, outcomes=(SURE, *reversed(fix.outcomes)))))
    assert [c.level for c in told] == ["Dry run", "Loss law", "Proxy training"]
    assert [c.state for c in told] == ["proven"] * 3
    assert told[2].assuming == "the proxy is a small one; seeds are paired"


def test_candidates_are_ranked_by_what_they_surely_gain() -> None:
    run = late_peak()
    (fix,) = run.candidates
    open_one = replace(fix, title="open", outcomes=(replace(SURE, gain_interval=(-0.1, 0.5)),))
    sure = replace(fix, title="sure", outcomes=(replace(SURE, gain_interval=(0.01, 0.02)),))
    harm = replace(fix, title="harm", outcomes=(replace(SURE, gain_interval=(-0.3, -0.2)),))
    unproven = replace(fix, title="unproven", resolves=(), outcomes=(SURE,))
    told = replace(run, candidates=(harm, unproven, open_one, sure))
    (found,) = view(replace(one_run_report(), diagnoses=(told,))).faults
    assert [c.title for c in found.candidates] == ["sure", "open", "harm", "unproven"]
    assert worth(sure) < worth(open_one) < worth(harm)


def test_probe_of_a_range_is_shown_as_code_where_there_is_room() -> None:
    run = late_peak()
    asked = Outcome("law", ("nothing else changes",), grade="C", interval=(0.3, 0.5),
                    probe="# train on:\nprobe = 90\n")  # fmt: skip
    fix = replace(run.candidates[0], outcomes=(asked,))
    report = replace(one_run_report(), diagnoses=(replace(run, candidates=(fix,)),))
    assert "probe = 90" in Html().render(report)
    assert "A short training would tell more: -v shows it" in Text().render(report)
    verbose = Text(verbose=True).render(report)
    assert "      # train on:\n      probe = 90\n" in verbose
