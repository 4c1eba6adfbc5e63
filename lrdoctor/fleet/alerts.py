"""What to tell of a scan, and what has been told already: nothing twice, nothing lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from lrdoctor.fleet import webhook
from lrdoctor.fleet.clusters import OpenFinding, clusters, open_findings
from lrdoctor.fleet.store import Store
from lrdoctor.fleet.trends import fixed_since
from lrdoctor.fleet.when import duration
from lrdoctor.reports._format import count

Send = Callable[[str, str], str]


def pending(store: Store, scan: int) -> tuple[list[OpenFinding], int, float]:
    """Errors and warnings that no message told of yet, the scan up to which all was told, and when
    the last message went (Unix seconds, 0 before the first).

    Before the first message, what earlier scans found counts as told.
    """
    told, sent = store.rows("SELECT max(scan), max(sent) FROM alert")[0]
    if told is None:
        told = store.last_finished(scan)
        store.db.execute("INSERT INTO alert VALUES (?, 0)", (told,))
        store.commit()
    found = [f for f in open_findings(store, told) if f.severity != "info"]
    return found, told, sent or 0.0


def alert(
    store: Store, scan: int, url: str, every: float, send: Send = webhook.send
) -> tuple[bool, str]:
    """Sends one message on what is new, unless the last is younger than ``every`` seconds.

    Gives back whether the channel failed, and a line on what was done ("" where there was nothing
    to do). What could not be sent, or had to wait, is told with the next scan.
    """
    found, told, last = pending(store, scan)
    if not found:
        return False, ""
    new, age = count(len(found), "new finding"), time.time() - last
    if 0 <= age < every:
        return False, f"webhook: {new} kept for later; the last message is {duration(age)} old"
    runs, still_open = store.rows(
        "SELECT (SELECT count(*) FROM run r JOIN log l ON l.id = r.log WHERE l.state = 'read'), "
        "(SELECT count(*) FROM finding WHERE state = 'open' AND severity != 'info')"
    )[0]
    fixed = sum(f.severity != "info" for f in fixed_since(store, told))
    problem = send(url, webhook.text(clusters(found), fixed, still_open, runs))
    if problem:
        return True, f"webhook: {new} not sent: {problem}; the next scan tries again"
    store.db.execute("INSERT INTO alert VALUES (?, ?)", (scan, time.time()))
    store.commit()
    return False, f"webhook: told of {new}"
