"""Webhooks against a real server on this machine, which may refuse, hang or redirect."""

from __future__ import annotations

import socket
import time

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet.clusters import Cluster
from lrdoctor.fleet.webhook import check, send, text
from tests.fleet.chat import chat
from tests.reports.hostile import NAMES


def a_cluster(name: str = "a/run1", runs: int = 1, message: str = "wrong") -> Cluster:
    members = tuple((n, name if n == 0 else f"{name}-{n}") for n in range(runs))
    return Cluster(
        "some-rule", "LRD999", "error", "factor 8", "a", False, (), message, "", members, (1,)
    )


def test_message_arrives_as_json() -> None:
    with chat() as known:
        assert send(known.url, "hello \u2028 ü") == ""
    assert known.messages == ["hello \u2028 ü"] and known.types == ["application/json"]


@pytest.mark.parametrize(
    ("replies", "reason", "tried"),
    [
        ((500,), "it answered 500 (3 tries)", 3),
        ((503, 200), "", 2),
        (((429, {"Retry-After": "7"}), 200), "", 2),
        ((404,), "it answered 404", 1),
        (((302, {"Location": "/elsewhere"}), 200), "it answered 302", 1),
    ],
)
def test_busy_servers_are_tried_again_and_refusals_are_not(
    replies: tuple[object, ...], reason: str, tried: int
) -> None:
    waits: list[float] = []
    with chat(*replies) as known:
        assert send(known.url, "x", wait=waits.append) == reason
    assert len(known.messages) == tried and len(waits) == tried - 1
    if isinstance(replies[0], tuple) and replies[0][0] == 429:
        assert waits == [7.0]


def test_silent_server_costs_the_timeout_alone() -> None:
    with chat(None) as known:
        told = send(known.url, "x", timeout=0.05, wait=lambda _: None)
    assert told == "no answer within 0.05 s (3 tries)" and len(known.messages) == 3


def test_nothing_lasts_longer_than_the_deadline() -> None:
    with chat(None) as known:
        began = time.monotonic()
        assert send(known.url, "x", deadline=0.2) == "no answer within 0.2 s"
        assert time.monotonic() - began < 5


def test_refused_connection_is_told_without_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/services/T0/SECRET"
        told = send(url, "x", wait=lambda _: None)
    assert told == "Connection refused (3 tries)"


@pytest.mark.parametrize(
    "url",
    ["SECRET", "file:///SECRET", "http://", "https:///SECRET", "http://h:0/SECRET", "http://h:x/S",
     "http://h/a SECRET", "http://h/\nSECRET", "http://[SECRET"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(url)
    assert "SECRET" not in str(caught.value) and "https://" in str(caught.value)


def test_text_counts_and_names() -> None:
    told = text([a_cluster(runs=3)], fixed=2, still_open=9, runs=1200)
    assert told == (
        "*lrdoctor: 3 new findings in 3 runs* (2 fixed, 9 open in 1,200 runs)\n"
        "• *error* LRD999 some-rule (factor 8): `a/run1` and 2 more runs in `a`: wrong"
    )


def test_text_is_short_however_much_is_new() -> None:
    many = [a_cluster(f"{n}" * 200, message="m" * 900) for n in range(500)]
    told = text(many, 0, 500, 500)
    assert len(told) < 4000 and told.endswith("490 kinds more: lrdoctor history --new")


@pytest.mark.parametrize("name", [*NAMES.values(), "<!channel> <http://x|y> `@here` & @all"])
def test_names_call_nobody_and_link_nowhere(name: str) -> None:
    told = text([a_cluster(name, message=name)], 0, 1, 1)
    _, line = told.split("\n")
    assert "<" not in line and ">" not in line and line.isprintable() == ("@" not in line)
    assert line.count("`") == 2
    outside = line.split("`")[0] + line.split("`")[2]
    assert "@all" not in outside and "@here" not in outside and "@everyone" not in outside
