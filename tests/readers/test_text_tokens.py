"""What single lines of console logs say, framework by framework, and that templates agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.readers._text_position import Position
from lrdoctor.readers._text_template import LineParser, parse_line
from lrdoctor.readers._text_tokens import clean, headline, wall_time

LINES = {
    "nanogpt": (
        "step 250: train loss 4.2312, val loss 4.3000",
        {"train loss": "4.2312", "val loss": "4.3000"},
        Position(step=250),
    ),
    "nanogpt iteration": (
        "iter 250: loss 4.23, time 10.12ms, mfu 3.00%",
        {"loss": "4.23"},
        Position(step=250),
    ),
    "dino meter, averages left out": (
        "Epoch: [0/302]  [   50/1351]  eta: 17:33:38  loss: 5.583885 (5.563963)  "
        "lr: 0.000001 (0.000000)  max mem: 20514",
        {"loss": "5.583885", "lr": "0.000001", "max mem": "20514"},
        Position(epoch=0, epochs=302, batch=50, batches=1351),
    ),
    "mmengine": (
        "2023/06/05 20:10:13 - mmengine - INFO - Epoch(train)   [1][5/6]  lr: 4.000000e-08  "
        "eta: 4:59:11  loss: 0.421912",
        {"lr": "4.000000e-08", "loss": "0.421912"},
        Position(epoch=1, batch=5, batches=6),
    ),
    "mmengine validation": (
        "2023/06/05 20:17:33 - mmengine - INFO - Epoch(val) [10][6/6]    coco/AP: 0.12  loss: 0.5",
        {"val/coco/AP": "0.12", "val/loss": "0.5"},
        Position(epoch=10),
    ),
    "mmcv by iteration": (
        "2021-03-04 10:11:12,123 - mmseg - INFO - Iter [50/160000]\tlr: 1.958e-06, "
        "eta: 1 day, 4:22:16, loss: 2.3",
        {"lr": "1.958e-06", "loss": "2.3"},
        Position(step=50, steps=160000),
    ),
    "detectron2": (
        "[03/04 10:11:12 d2.utils.events]:  eta: 0:10:11  iter: 19  total_loss: 2.1  "
        "lr: 4.9953e-06  max_mem: 3000M",
        {"total_loss": "2.1", "lr": "4.9953e-06"},
        Position(step=19),
    ),
    "torchvision": (
        "Epoch: [3][ 100/5005]\tTime  0.5 ( 0.6)\tLoss 6.9e+00 (7.0e+00)\tAcc@1   0.39 (  0.20)",
        {"Loss": "6.9e+00", "Acc@1": "0.39"},
        Position(epoch=3, batch=100, batches=5005),
    ),
    "mnist example": (
        "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.300039",
        {"Loss": "2.300039"},
        Position(epoch=1, batch=640, batches=60000),
    ),
    "timm": (
        "Train: 3 [  50/1251 (  4%)]  Loss: 6.93 (6.94)  LR: 1.000e-06  Data: 0.01 (0.1)",
        {"Loss": "6.93", "LR": "1.000e-06", "Data": "0.01"},
        Position(epoch=3, batch=50, batches=1251),
    ),
    "timm validation": (
        "Test: [  78/78]  Loss:  6.5 (6.7)  Acc@1: 1.2 (0.9)",
        {"test/Loss": "6.5", "test/Acc@1": "1.2"},
        None,
    ),
    "megatron": (
        " iteration      100/  500000 | elapsed time per iteration (ms): 1234.5 | "
        "learning rate: 1.000E-05 | lm loss: 1.012345E+01 | grad norm: 1.234 |",
        {
            "elapsed time per iteration (ms)": "1234.5",
            "learning rate": "1.000E-05",
            "lm loss": "1.012345E+01",
            "grad norm": "1.234",
        },
        Position(step=100, steps=500000),
    ),
    "fairseq": (
        "2021-01-01 00:00:00 | INFO | train_inner | epoch 001:    100 / 1000 loss=12.3, "
        "num_updates=77, lr=1.2e-05",
        {"loss": "12.3", "lr": "1.2e-05"},
        Position(epoch=1, batch=100, batches=1000, step=77),
    ),
    "hugging face dict": (
        "{'loss': 2.1, 'learning_rate': 5e-05, 'epoch': 0.1}",
        {"loss": "2.1", "learning_rate": "5e-05"},
        Position(epoch=0.1),
    ),
    "hugging face dict of text": (
        "{'loss': '2.1', 'learning_rate': '5e-05', 'epoch': '0.1'}",
        {"loss": "2.1", "learning_rate": "5e-05"},
        Position(epoch=0.1),
    ),
    "nnu-net": (
        "2023-03-21 11:57:24.769079: Current learning rate: 0.00999",
        {"Current learning rate": "0.00999"},
        None,
    ),
    "nnu-net loss": (
        "2023-03-21 11:57:43.784263: train_loss -0.2436",
        {"train_loss": "-0.2436"},
        None,
    ),
    "nnu-net epoch": ("2023-03-21 11:57:24.768732: Epoch 12", {}, Position(epoch=12)),
    "keras": (
        "12/100 [==>...] - ETA: 10s - loss: 0.5123 - val_loss: 0.6",
        {"loss": "0.5123", "val_loss": "0.6"},
        Position(batch=12, batches=100, bar=True),
    ),
    "tqdm": (
        "  3%|███       | 30/1000 [00:10<05:30, 2.94it/s, loss=2.3, lr=1e-4]",
        {"loss": "2.3", "lr": "1e-4"},
        Position(batch=30, batches=1000, bar=True),
    ),
    "lightning bar": (
        "Epoch 2:  50%|█████     | 50/100 [00:01<00:01, 40it/s, train_loss=2.3]",
        {"train_loss": "2.3"},
        Position(epoch=2, batch=50, batches=100, bar=True),
    ),
    "two sections": (
        "Epoch 5 | Train | loss: 2.3 acc: 0.4 | Val | loss: 2.5 acc: 0.3 lr: 0.1",
        {"loss": "2.3", "acc": "0.4", "val/loss": "2.5", "val/acc": "0.3", "lr": "0.1"},
        Position(epoch=5),
    ),
    "one-element list and tensor": (
        "epoch: 3, lr: [0.001], loss: tensor(0.53)",
        {"lr": "0.001", "loss": "0.53"},
        Position(epoch=3),
    ),
    "logging prefix": (
        "INFO:root:Epoch 5, global_step 1200: loss=nan",
        {"loss": "nan"},
        Position(epoch=5, step=1200),
    ),
    "no numbers of training": (
        "saved 12 files to /data/val/2023-05-01/epoch_3.pt at 10:30:11, version 1.2.3",
        {},
        None,
    ),
    "numbers that go on": ("size: 124M ratio: 45/100 when: 2023-05-01 n: 1,000 at: 0:30", {}, None),
    "configured lengths": ("max epoch: 100, total step 5000, warmup step 10", {}, None),
}


@pytest.mark.parametrize("case", LINES.values(), ids=LINES.keys())
def test_line(case: tuple[str, dict[str, str], Position | None]) -> None:
    line, expected, where = case
    parsed = parse_line(line)
    assert dict(zip(parsed.tags, parsed.texts, strict=True)) == expected
    assert parsed.position == where


def test_prefix_of_a_section_above() -> None:
    assert headline("------ Validation results: ------") == "val"
    assert headline("Train") == ""
    assert headline("Validation of the arguments took a while") is None
    parsed = parse_line("loss: 2.0, lr: 0.1, val_acc: 0.5", "val")
    assert parsed.tags == ("val/loss", "lr", "val_acc")


def test_colours_are_removed() -> None:
    assert clean("\x1b[32mloss\x1b[0m: 0.5\x07") == "loss: 0.5"


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("1970-01-02 00:00:01.5: x", 86401.5),
        ("[1970/01/02 00:00:01,250] x", 86401.25),
        ("1970-01-02T00:00:00Z x", 86400.0),
        ("2023-99-99 10:00:00 x", None),
        ("step 2023-01-01 10:00:00", None),
    ],
)
def test_wall_time(line: str, seconds: float | None) -> None:
    assert wall_time(line) == seconds


words = st.sampled_from(
    ["epoch", "Epoch:", "[", "]", "/", "step", "iter ", "loss", "lr", ":", "=", " ", "  ", "-", ".",
     "val", "Test:", "(", ")", "nan", "e-", "12", "0.5", "7", "1.5e-05", ",", "|", "{'", "'", "\t"]
)  # fmt: skip


@given(lines=st.lists(st.lists(words, max_size=14).map("".join), max_size=6))
def test_templates_give_what_the_general_parser_gives(lines: list[str]) -> None:
    parser = LineParser()
    for _ in range(5):
        for line in lines:
            assert parser.parse(line) == parse_line(line)


def test_templates_hold_for_other_numbers() -> None:
    parser = LineParser()
    for i in range(200):
        loss = "nan" if i % 50 == 49 else f"{(-1) ** i * 2 / (i + 1):.4g}"
        line = f"Epoch: [{i // 7}/90] [{7 * (i % 7):4d}/1000]  loss: {loss} (0.1)  lr: {10.0**-i:g}"
        assert parser.parse(line) == parse_line(line)


@pytest.mark.parametrize(
    "line",
    ["a " * 16000, "a" * 32000, "a/" * 16000, "1" * 32000, "epoch " * 5000, "loss " * 6000,
     "loss: " * 5000, "step 1/" * 4000, "[" * 32000, "train " * 5000, "a.b-c" * 6000, "-" * 32000],
)  # fmt: skip
def test_hostile_line_costs_no_more_than_its_length(line: str) -> None:
    # A pattern that backtracks would take minutes here.
    assert len(parse_line(line).tags) <= 1
