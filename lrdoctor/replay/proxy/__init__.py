"""Proxy training: candidates x seeds as one batched program on a small task.

Says what holds on the proxy, paired by seed; never a loss for the user's model.
"""

from lrdoctor.replay.proxy.compare import Comparison, compare
from lrdoctor.replay.proxy.tasks import TASKS, Task
from lrdoctor.replay.proxy.train import Settings, Trained, train

__all__ = ["TASKS", "Comparison", "Settings", "Task", "Trained", "compare", "train"]
