"""What ``lrdoctor replay`` prints: candidates best first, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.replay.law.answer import Answer
    from lrdoctor.verdict import Outcome

_PROBE = "A constant LR cannot tell what a decay gains, nor which schedule is best. To learn it:"


def as_text(answers: Mapping[str, Answer], outcomes: Mapping[str, Outcome], probe: str) -> str:
    """A paragraph per candidate, best first and refused ones last; ``probe`` is code to run."""
    lines = []
    for text, answer in sorted(answers.items(), key=lambda item: _rank(item[1])):
        lines += [text, *_law(answer), *_trained(outcomes.get(text))]
    if probe:
        lines += ["", _PROBE, "", *(f"    {line}" for line in probe.splitlines())]
    return "\n".join(lines)


def _law(answer: Answer) -> Iterator[str]:
    from lrdoctor.messages import number_text

    if answer.refused is not None:
        yield f"  refused: {answer.refused}"
        return
    assert answer.interval is not None and answer.gain_interval is not None
    low, high = map(number_text, answer.interval)
    if answer.loss is None:
        yield f"  final loss between {low} and {high}: prior only, grade {answer.grade}"
        return
    yield f"  final loss {number_text(answer.loss)}, between {low} and {high}; grade {answer.grade}"
    low, high = map(number_text, answer.gain_interval)
    verdict = "better" if answer.gains else "worse" if answer.loses else "direction only"
    yield f"  loss saved against the logged run between {low} and {high}: {verdict}"


def _trained(outcome: Outcome | None) -> Iterator[str]:
    from lrdoctor.reports._outcomes import LEVELS, claim

    if outcome is not None:
        yield f"  {LEVELS[outcome.level].lower()}: {claim(outcome)}"


def _rank(answer: Answer) -> tuple[bool, float]:
    interval = answer.interval or (0.0, 0.0)
    return answer.refused is not None, sum(interval) / 2 if answer.loss is None else answer.loss


def to_json(answers: Mapping[str, Answer], outcomes: Mapping[str, Outcome], probe: str) -> str:
    """The answers with their predicted curves, and the trainings where there are any."""
    import json

    from lrdoctor.reports._json_write import outcome_json

    def curve(answer: Answer) -> dict[str, list[float]] | None:
        if answer.curve is None:
            return None
        names = ("step", "loss", "low", "high")
        return {name: getattr(answer.curve, name).tolist() for name in names}

    rows = [
        {
            "candidate": text,
            "grade": a.grade,
            "refused": a.refused,
            "loss": a.loss,
            "interval": a.interval,
            "baseline_loss": a.baseline_loss,
            "gain_interval": a.gain_interval,
            "curve": curve(a),
            "trained": outcome_json(outcomes[text]) if text in outcomes else None,
        }
        for text, a in answers.items()
    ]
    head = {"format": "lrdoctor-replay", "format_version": 1, "probe": probe}
    return json.dumps({**head, "answers": rows}, indent=1)
