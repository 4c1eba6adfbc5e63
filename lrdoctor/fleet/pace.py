"""When to look again at growing logs, and when to believe that nothing more will come."""

from __future__ import annotations

# Looking, reading and judging may take this share of one core.
_SHARE = 0.2
# A run at its planned length is over once it has been quiet for this many looks, and for this many
# times the longest silence between two growths so far: the last evaluation may take its time.
_LOOKS, _SILENCES = 3, 2


class Pace:
    """Times are of a monotonic clock, in seconds; ``idle`` ends the wait whatever was planned."""

    def __init__(self, interval: float, idle: float | None, now: float) -> None:
        self._interval, self._idle = interval, idle
        self._changed, self._longest = now, 0.0
        self._met = False

    def ended(self, changed: bool, now: float, finished: bool) -> bool:
        """Whether to stop, after a look that found a change or did not; ``finished`` where every
        run has reached its planned length."""
        quiet = now - self._changed
        if changed:
            # What lay there at the first look grew before it, however long ago.
            self._longest = max(self._longest, quiet) if self._met else 0.0
            self._changed, self._met = now, True
            return False
        if self._idle is not None and quiet >= self._idle:
            return True
        return finished and quiet >= max(_LOOKS * self._interval, _SILENCES * self._longest)

    def wait(self, spent: float) -> float:
        """Seconds until the next look, after one that took ``spent`` of processor time."""
        return max(self._interval, spent * (1 / _SHARE - 1))
