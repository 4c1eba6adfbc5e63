"""What the rules about fine-tuning ask: is it one, and which way a metric improves."""

from __future__ import annotations

import re

from lrdoctor.types import Case, Series

# Names people give to runs and folders of fine-tunings; the settings say it better where they do.
_NAMED = re.compile(r"fine[-_ ]?tun|(?<![a-z])(s?ft|lora|qlora|peft|dpo)(?![a-z])", re.IGNORECASE)
# Folders above the run's own say little about it.
_FOLDERS = 3
_LESS_IS_BETTER = re.compile(
    r"(?<![a-z])(wer|cer|eer|fid|mae|mse|rmse|mape|smape|ppl|perplexity|err(or)?|nll|loss)(?![a-z])",
    re.IGNORECASE,
)
_MORE_IS_BETTER = re.compile(
    r"acc|map|iou|dice|auc|bleu|rouge|psnr|ssim|mrr|recall|precision|score"
    r"|(?<![a-z])(f1|r2|em|ap|kappa|mcc)(?![a-z])",
    re.IGNORECASE,
)


def is_fine_tuning(case: Case) -> bool:
    """Whether the settings say so or, where they say nothing, the name of the run or its folder."""
    if case.regime != "unknown":
        return case.regime == "fine_tuning"
    paths = (case.run.name, *case.run.files[:1])
    names = (part for path in paths for part in re.split(r"[\\/]", path)[-_FOLDERS:])
    return any(_NAMED.search(name) for name in names)


def as_loss(metric: Series) -> Series | None:
    """The metric turned so that less is better; None where its name does not say which way."""
    if _LESS_IS_BETTER.search(metric.tag):
        return metric
    if _MORE_IS_BETTER.search(metric.tag):
        return Series(metric.tag, metric.step, -metric.value)
    return None
