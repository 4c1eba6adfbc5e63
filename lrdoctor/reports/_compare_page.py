"""The comparison of several runs as one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lrdoctor.curves.smooth import bin_means
from lrdoctor.reports._axes import step_axis
from lrdoctor.reports._compare import Comparison, Member, against_lr, loss_title
from lrdoctor.reports._page import page_parts
from lrdoctor.reports._panels import Figure, Trace, figure_over, panel
from lrdoctor.reports._templates import html_environment
from lrdoctor.types import Array, Role

MOST_DRAWN = 8
_BINS = 150  # stretches that a noisy training loss is drawn by
_Curve = tuple[Array, Array]


def page(comparison: Comparison) -> str:
    """The whole page, self-contained as the report is."""
    role = comparison.judged_by or Role.TRAIN_LOSS
    notes = _drawn_notes(comparison, role)
    return (
        html_environment()
        .get_template("compare.html.j2")
        .render(
            seen=comparison,
            by=loss_title(comparison.judged_by),
            steps=_over_steps(comparison, role, notes),
            spent=_over_spent(comparison, role),
            roles=[r for r in (Role.VAL_LOSS, Role.TRAIN_LOSS) if _any(comparison, r)],
            loss_title=loss_title,
            kinds=[f"run{i + 1}" for i in range(MOST_DRAWN)],
            **page_parts(),
        )
    )


def _any(comparison: Comparison, role: Role) -> bool:
    return any(role in member.ends for member in comparison.members)


def _over_steps(comparison: Comparison, role: Role, notes: list[str]) -> Figure | None:
    rates = _traces(comparison, lambda m: m.lr)
    losses = _traces(comparison, lambda m: _smoothed(m.losses.get(role), role))
    drawn = [*rates, *losses]
    if not drawn:
        return None
    along = step_axis(min(t.x[0] for t in drawn), max(t.x[-1] for t in drawn))
    return figure_over(
        along,
        [panel("lr", rates, along, notes), panel("loss", losses, along, notes)],
        comparison.noun,
        f"{comparison.noun} {along.low:g} to {along.high:g}",
        per_epoch=comparison.per_epoch,
        notes=notes,
    )


def _over_spent(comparison: Comparison, role: Role) -> Figure | None:
    losses = _traces(comparison, lambda m: _smoothed(against_lr(m, role), role))
    if not losses:
        return None
    notes: list[str] = []
    last = max(t.x[-1] for t in losses)
    along = step_axis(min(t.x[0] for t in losses), last, least=0.0)
    return figure_over(
        along,
        [panel("loss", losses, along, notes)],
        "LR sum",
        f"cumulative LR up to {last:.4g}",
        notes=notes,
    )


def _traces(comparison: Comparison, of: Callable[[Member], _Curve | None]) -> list[Trace]:
    found = []
    for index, member in enumerate(comparison.members[:MOST_DRAWN]):
        curve = of(member)
        if curve is not None:
            found.append(Trace(f"run{index + 1}", f"{member.letter} {member.name}", *curve))
    return found


def _smoothed(curve: _Curve | None, role: Role) -> _Curve | None:
    """Training losses of several runs over each other can be told apart by their course alone."""
    return bin_means(*curve, _BINS) if curve and role is Role.TRAIN_LOSS else curve


def _drawn_notes(comparison: Comparison, role: Role) -> list[str]:
    notes = [*comparison.notes]
    more: Sequence[Member] = comparison.members[MOST_DRAWN:]
    if more:
        notes.append(f"Drawn are the {MOST_DRAWN} best; {more[0].letter} and later are not.")
    if role is Role.TRAIN_LOSS:
        notes.append(f"Training losses are drawn by the means of {_BINS} stretches; LRs as logged.")
    return notes
