from __future__ import annotations

import json
from pathlib import Path

import pytest
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lrdoctor.readers._tb_hparams import of_plugin as settings_of_plugin
from lrdoctor.readers._tb_hparams import of_text
from tests.readers.event_files import of_plugin, read, tensor, version, write

ARGUMENTS = {"learning_rate": 5e-5, "max_steps": -1, "fp16": False, "optim": "adamw",
             "lr_scheduler_kwargs": {"num_cycles": 2}, "label_names": None,
             "padding": "x" * 12_000}  # fmt: skip


def text_event(tag: str, text: str) -> object:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    proto = TensorProto(dtype=7, string_val=[text.encode()], tensor_shape=shape)
    return tensor(0, tag, proto, of_plugin("text"))


def hparams_of(path: Path, *events: object) -> dict[str, object]:
    return dict(read(write(path / "events.out.tfevents.1", [version(), *events]))[0].hparams)


def test_plugin(tmp_path: Path) -> None:
    data = HParamsPluginData()
    values = data.session_start_info.hparams
    values["lr"].number_value = 0.001
    values["optimizer/name"].string_value = "sgd"
    values["amp"].bool_value = True
    values["seed"].null_value = 0
    content = data.SerializeToString()
    start = tensor(
        0, "_hparams_/session_start_info", TensorProto(), of_plugin("hparams", 0, content)
    )
    found = hparams_of(tmp_path, start)
    assert found == {"lr": 0.001, "optimizer/name": "sgd", "amp": True, "seed": None}


def test_written_by_torch(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_hparams({"lr": 0.1, "name": "a"}, {"metric": 1.0}, run_name=".")
        writer.add_text("args", json.dumps(ARGUMENTS, indent=2))
        writer.add_scalar("loss", 1.0, 0)
    logs = read(*(p for p in tmp_path.rglob("*tfevents*")))
    found = {name: value for log in logs for name, value in log.hparams.items()}
    assert found.items() >= {"lr": 0.1, "name": "a", "learning_rate": 5e-5}.items()


def test_arguments_as_hugging_face_writes_them(tmp_path: Path) -> None:
    """Longer than what is read of a record at once."""
    args = text_event("args/text_summary", json.dumps(ARGUMENTS, indent=2))
    model = text_event("model_config/text_summary", json.dumps({"hidden_size": 768}))
    found = hparams_of(tmp_path, args, model)
    assert found["learning_rate"] == 5e-5 and found["fp16"] is False
    assert found["lr_scheduler_kwargs.num_cycles"] == 2
    assert found["model_config.hidden_size"] == 768


def test_markdown_table() -> None:
    table = "|param|value|\n|-|-|\n|learning_rate|0.00025|\n|anneal_lr|True|\n|env_id|Pong-v5|"
    assert of_text("hyperparameters/text_summary", table) == {
        "learning_rate": 0.00025, "anneal_lr": True, "env_id": "Pong-v5",
    }  # fmt: skip


@pytest.mark.parametrize("text", [
    "", "just words", "{not json", "[1, 2]", "{" * 5000, '{"a": ' * 5000, "|a|b|", "|a|b|\n|-|-|",
    "| a |\n| b |\n| c |", '{"n": ' + "9" * 6000 + "}",
])  # fmt: skip
def test_other_text_holds_no_settings(text: str) -> None:
    assert of_text("args", text) == {}


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"\x1a\x02\x0a\x00", b"\x1a\x04\x0a\x02\x12\xff"]
)
def test_malformed_plugin_data(content: bytes) -> None:
    assert settings_of_plugin(content) == {}
