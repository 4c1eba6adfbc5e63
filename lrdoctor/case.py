"""Builds a case: a run with roles, one clock, its intent and a schedule per param group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lrdoctor.clock import measured_epoch, read_timing
from lrdoctor.fit_groups import fit_groups
from lrdoctor.intent import read_intent
from lrdoctor.intent_names import last_part
from lrdoctor.one_axis import on_one_axis
from lrdoctor.roles import assign_roles
from lrdoctor.types import Case, Intent, ParamGroup, Role, Run, Scalar

_OFF = frozenset({None, False, "", "false", "none", "no", "0", "scratch", "random", "null"})
_PRETRAINED = frozenset({
    "pretrained", "use_pretrained", "is_pretrained", "finetune", "fine_tune", "finetuning",
    "fine_tuning", "init_from", "load_from", "pretrained_weights", "pretrained_model",
    "model_name_or_path", "freeze_backbone", "gradual_finetuning", "use_peft", "finetuning_type",
    "lora_r", "lora_rank",
})  # fmt: skip
_FROM_SCRATCH = frozenset({"pretrained", "use_pretrained", "is_pretrained", "init_from"})


def build_case(
    run: Run,
    *,
    roles: Mapping[str, str] | None = None,
    expect: Mapping[str, str] | None = None,
) -> Case:
    """The run with its meaning; decisions about the clock and the end are notes on its run.

    ``roles`` maps tags to roles, ``expect`` intent keys to texts; both override what is found.
    Raises ``ConfigError`` for one that is wrong.
    """
    found = assign_roles(run, roles or {})
    intent = read_intent(run, expect or {})
    measured = measured_epoch(run, found.signals.get(Role.EPOCH))
    aligned = on_one_axis([group.series for group in found.lr], found.signals, measured)
    timing = read_timing(run, aligned.lr, aligned.signals, intent, aligned.per_epoch)
    fits = fit_groups(aligned.lr, sorted({r.step for r in run.restarts}), timing.clock)
    return Case(
        run=replace(run, notes=(*run.notes, *aligned.notes, *timing.notes)),
        signals=aligned.signals,
        param_groups=tuple(
            ParamGroup(group.name, lr, schedules, group.governs)
            for group, lr, schedules in zip(found.lr, aligned.lr, fits, strict=True)
        ),
        clock=timing.clock,
        intent=intent,
        total_steps=timing.total_steps,
        finished=timing.finished,
        regime=_regime(run.hparams, intent),
        role_reasons=found.reasons,
    )


def _regime(hparams: Mapping[str, Scalar], intent: Intent) -> str:
    """fine_tuning or from_scratch where the settings say so, else unknown."""
    if intent.unfreeze_epoch is not None or intent.unfreeze_step is not None:
        return "fine_tuning"
    stated = {}
    for key, value in hparams.items():
        name = last_part(key)
        if name in _PRETRAINED:
            plain = value.strip().lower() if isinstance(value, str) else value
            if plain != "resume":
                stated[name] = plain not in _OFF
    if any(stated.values()):
        return "fine_tuning"
    return "from_scratch" if stated.keys() & _FROM_SCRATCH else "unknown"
