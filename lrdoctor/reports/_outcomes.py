"""What replays say about a candidate: one claim per level, never more than its interval allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lrdoctor.messages import number_text
from lrdoctor.reports._format import count, duration
from lrdoctor.verdict import Candidate, Outcome

LEVELS = {
    "dry_run": "Dry run",
    "law": "Loss law",
    "proxy": "Proxy training",
    "user": "Your training",
}
_RANGE_ONLY = "C"  # the grade of a log at constant LR: it knows no size of a gain
# An interval whose middle lies further from 0 than this share of its half-width has a direction.
_LEANS = 0.3


@dataclass(frozen=True, slots=True)
class Claim:
    """One level's word on a candidate: ``state`` is "proven" (a dry run that resolves, a gain
    surely above zero), "refused", or "open"; ``assuming`` what it rests on, empty if refused;
    ``probe`` code of a training that would tell more."""

    level: str
    state: str
    text: str
    assuming: str
    probe: str = ""


def claims(candidate: Candidate) -> Iterator[Claim]:
    """The dry run first, then every level that was asked."""
    dry = [o for o in candidate.outcomes if o.level == "dry_run"]
    proven = bool(candidate.resolves) and not candidate.introduces
    state = "refused" if any(o.refused for o in dry) else "proven" if proven else "open"
    yield Claim(LEVELS["dry_run"], state, rehearsal(candidate), _assuming(dry))
    for level in dict.fromkeys([*LEVELS, *(o.level for o in candidate.outcomes)]):
        for outcome in candidate.outcomes:
            if outcome.level == level != "dry_run":
                state = "refused" if outcome.refused else "proven" if gain(outcome) else "open"
                told, rests = claim(outcome), _assuming([outcome])
                yield Claim(LEVELS.get(level, level), state, told, rests, outcome.probe)


def rehearsal(candidate: Candidate) -> str:
    """What the dry run says: the rules resolved and introduced."""
    if not (candidate.resolves or candidate.introduces or candidate.outcomes):
        return "not made"
    refused = [o.refused for o in candidate.outcomes if o.level == "dry_run" and o.refused]
    if refused:
        return refused[0]
    resolved = ", ".join(candidate.resolves) or "nothing"
    return f"resolves {resolved}, introduces {', '.join(candidate.introduces) or 'nothing'}"


def gain(outcome: Outcome) -> tuple[float, float] | None:
    """The interval of the loss saved where even its lower bound is above zero, else None."""
    bounds = outcome.gain_interval
    if bounds is None or outcome.refused or outcome.grade == _RANGE_ONLY or bounds[0] <= 0:
        return None
    return bounds if outcome.verdict in (None, "better") else None


def lean(outcome: Outcome) -> int:
    """Which way an outcome points: 1 lower loss, -1 higher loss, 0 neither or not asked."""
    if outcome.gain_interval is None or outcome.refused or outcome.grade == _RANGE_ONLY:
        return 0
    if outcome.verdict == "no effect":
        return 0
    low, high = outcome.gain_interval
    middle, half = (low + high) / 2, (high - low) / 2
    return 0 if abs(middle) <= _LEANS * half else 1 if middle > 0 else -1


def worth(candidate: Candidate) -> tuple[float, int]:
    """Sort key of candidates, best first: the surest gain, then where the levels point."""
    asked = [o for o in candidate.outcomes if o.level != "dry_run"]
    sure = [bounds[0] for o in asked if (bounds := gain(o))]
    return -max(sure, default=0.0), -sum(map(lean, asked))


def claim(outcome: Outcome) -> str:
    """What may be said of the loss, in one clause: a gain only where it is surely one."""
    if outcome.refused is not None:
        return f"refused: {outcome.refused}"
    told = [] if outcome.verdict == "no effect" else [_loss_claim(outcome)]
    return "; ".join((*_verdict(outcome), *told, *_circumstances(outcome)))


def _verdict(outcome: Outcome) -> Iterator[str]:
    """What trainings showed; a proxy's loss is of another model."""
    if outcome.verdict is not None:
        proxy = " on this proxy (no loss of your model)" if outcome.level == "proxy" else ""
        yield f"{outcome.verdict}{proxy}"


def _loss_claim(outcome: Outcome) -> str:
    if bounds := gain(outcome):
        return f"saves {_text(bounds[0])} to {_text(bounds[1])} of loss{_losses(outcome)}"
    if outcome.grade == _RANGE_ONLY:
        return _range(outcome)
    if outcome.gain_interval is None:
        return f"final loss{_losses(outcome)}" if outcome.loss is not None else "no loss predicted"
    low, high = outcome.gain_interval
    if high < 0:
        lead = "" if outcome.verdict else "worse: "
        return f"{lead}costs {_text(-high)} to {_text(-low)} of loss{_losses(outcome)}"
    leaning = {1: "probably a lower loss", -1: "probably a higher loss", 0: "no effect shows"}
    return f"direction only: {leaning[lean(outcome)]}, as the interval of the gain includes zero"


def _range(outcome: Outcome) -> str:
    """The final loss a log at constant LR allows; a law may overshoot what a loss can be."""
    floor = 0.0 if (outcome.baseline_loss or 0.0) > 0 else float("-inf")
    low, high = outcome.interval or (floor, floor)
    if high <= floor:
        return "range only, and not a usable one: a constant LR does not show what a decay gains"
    bounds = f"{_text(low)} to {_text(high)}" if low > floor else _text(high)
    return f"range only: a final loss of {'' if low > floor else 'at most '}{bounds}"


def _text(loss: float) -> str:
    return number_text(loss, digits=3)


def _losses(outcome: Outcome) -> str:
    if outcome.loss is None:
        return ""
    before = "" if outcome.baseline_loss is None else f"{number_text(outcome.baseline_loss)} → "
    bounds = ""
    if outcome.interval is not None:
        low, high = map(number_text, outcome.interval)
        bounds = f" ({low} to {high})"
    return f": {before}{number_text(outcome.loss)}{bounds}"


def _circumstances(outcome: Outcome) -> Iterator[str]:
    if outcome.grade is not None:
        yield f"grade {outcome.grade}"
    if outcome.seeds is not None:
        yield count(outcome.seeds, "seed")
    if outcome.device is not None:
        yield f"on {outcome.device}"
    if outcome.seconds is not None:
        yield f"in {duration(outcome.seconds)}"


def _assuming(outcomes: list[Outcome]) -> str:
    told = [o for o in outcomes if o.refused is None]
    return "; ".join(a.rstrip(" .") for o in told for a in o.assumptions)
