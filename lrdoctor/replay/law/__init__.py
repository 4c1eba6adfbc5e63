"""Loss laws: from logged LR and loss to the loss under another LR, with what cannot be known.

fitted = fit([LossRun(step, lr, step, loss)])
prediction = predict(fitted, LrPath(step, other_lr), step)

``fit_many`` fits many models at once, on a GPU if need be.
"""

from lrdoctor.replay.law.bulk import fit_many
from lrdoctor.replay.law.ensemble import Fitted, Prediction, fit, gain, predict
from lrdoctor.replay.law.path import LossRun, LrPath

__all__ = ["Fitted", "LossRun", "LrPath", "Prediction", "fit", "fit_many", "gain", "predict"]
