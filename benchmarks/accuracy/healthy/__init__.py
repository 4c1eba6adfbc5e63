"""Look-alikes: healthy trainings that share a trait with a fault. None deserves a warning.

Every module has ``LOOKALIKES``, functions from a random draw to a scene, and may have ``SAMPLES``.
"""
