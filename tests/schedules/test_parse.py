"""Schedule expressions: what they accept, and what each slip is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError
from lrdoctor.messages import schedule_text
from lrdoctor.plugins import discover
from lrdoctor.schedules._build import from_parameters
from lrdoctor.schedules._canonical import names_of
from lrdoctor.schedules._parse import parse_call, parse_schedule


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        (
            "onecycle(max_lr=0.1,total_steps=112590,pct_start=0.2)",
            "onecycle",
            {"max_lr": 0.1, "total_steps": 112590, "pct_start": 0.2},
        ),
        ("cosine(lr=1e-3, T_max=10_000)", "cosine", {"lr": 1e-3, "T_max": 10000}),
        ("cosine(lr=1e-3, T_max=90*1251)", "cosine", {"lr": 1e-3, "T_max": 112590}),
        ("cosine(lr=0.1*8/2, T_max=9)", "cosine", {"lr": 0.4, "T_max": 9}),
        ("cosine(lr=1, T_max=9, clamp=True)", "cosine", {"lr": 1, "T_max": 9, "clamp": True}),
        ("cosine(lr=1, T_max=9, clamp=true)", "cosine", {"lr": 1, "T_max": 9, "clamp": True}),
        (
            "multistep(lr=0.1, milestones=[30, 60], warmup=5)",
            "multistep",
            {"lr": 0.1, "milestones": [30, 60], "warmup": 5},
        ),
        (
            "wsd(lr=1, decay_start=8, decay_steps=2, decay_shape='1-sqrt')",
            "wsd",
            {"lr": 1, "decay_start": 8, "decay_steps": 2, "decay_shape": "1-sqrt"},
        ),
        (
            "wsd(lr=1, decay_start=8, decay_steps=2, decay_shape=cosine)",
            "wsd",
            {"lr": 1, "decay_start": 8, "decay_steps": 2, "decay_shape": "cosine"},
        ),
    ],
)
def test_expression(text: str, name: str, parameters: dict[str, object]) -> None:
    assert parse_schedule(text) == from_parameters(name, parameters)


def test_a_bare_name_has_no_arguments() -> None:
    assert parse_call("onecycle") == ("onecycle", {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CosineAnnealingLR(T_max=9)", "did you mean 'cosine'?"),
        ("OneCycleLR(max_lr=1)", "did you mean 'onecycle'?"),
        ("cosin(lr=1)", "did you mean 'cosine'?"),
        ("nothing_like_it(lr=1)", "valid: constant, cosine"),
        ("onecycle(max_lr=1, steps=9)", "did you mean 'total_steps'?"),
        ("onecycle(lr=1)", "did you mean 'max_lr'?"),
        ("polynomial(lr=1, total_steps=9, exp=2)", "valid: lr, total_steps, power"),
        ("onecycle(max_lr=1)", "onecycle needs total_steps"),
        ("cosine(0.1, 90)", "every argument needs its name"),
        ("cosine(**{'lr': 1})", "every argument needs its name"),
        ("cosine(lr=1, lr=2, T_max=9)", "lr is given twice"),
        ("cosine(lr=1, T_max=9/0)", "not a number"),
        ("cosine(lr=1, T_max=9**9)", "not a number"),
        ("cosine(lr=1, T_max=__import__('os'))", "not a number"),
        ("cosine(lr=1, T_max=open('x').read())", "not a number"),
        ("cosine(lr=1, T_max=1e999)", "not a number"),
        ("cosine(lr=nan, T_max=9)", "must be finite"),
        ("cosine(lr=1, T_max=-9)", "T_max must be positive"),
        ("cosine(lr=1, T_max=9, clamp=3)", "must be true or false"),
        ("multistep(lr=1, milestones=30)", "must be a list of numbers"),
        ("multistep(lr=1, milestones=['a'])", "not a number"),
        ("cosine.lr(x=1)", "is written like"),
        ("", "is written like"),
        ("cosine(lr=", "is written like"),
        ("(" * 1500, "is written like"),
        ("cosine(lr=1, T_max=\0)", "is written like"),
        ("cosine(lr=" + "1" * 3000 + ")", "at most 2000 characters"),
    ],
)
def test_slip_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schedule(text)
    assert told in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_schedule_or_a_config_error(text: str) -> None:
    try:
        parse_schedule(text)
    except ConfigError as error:
        assert str(error)


@pytest.mark.parametrize("name", sorted(discover("schedules")))
def test_what_we_print_can_be_typed_in_again(name: str) -> None:
    values = {
        "lr": 0.1, "max_lr": 0.1, "base_lr": 0.01, "total_steps": 90, "T_max": 90, "T_0": 30,
        "step_size": 30, "milestones": [30, 60], "gamma": 0.5, "factor": 0.5, "timescale": 10,
        "reductions": [20, 50], "decay_start": 70, "decay_steps": 20, "warmup": 5,
    }  # fmt: skip
    known = names_of(discover("schedules")[name])
    named = from_parameters(name, {k: v for k, v in values.items() if k in known})
    assert parse_schedule(schedule_text(named)) == named
