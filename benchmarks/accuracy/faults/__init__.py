"""Faults, each by several mechanisms, beside a control that differs by the fault alone.

A mechanism is a function of a random draw and of whether the fault is in; both halves of a pair are
made from the same draw, so only the faulty line differs. Every module has ``INJECTIONS`` for the
benchmark and may have ``SAMPLES`` for ``sample_runs/``.
"""
