"""The five faults, each by several mechanisms, beside a control that differs by the fault alone.

A mechanism is a function of a random draw and of whether the fault is in; both halves of a pair are
made from the same draw, so only the faulty line differs.
"""

from benchmarks.accuracy.faults import decay, onecycle, plateau, spike, unfreeze

INJECTIONS = (
    *unfreeze.INJECTIONS,
    *onecycle.INJECTIONS,
    *decay.INJECTIONS,
    *spike.INJECTIONS,
    *plateau.INJECTIONS,
)
