"""The hyperparameters and metrics of a run as messages for TensorBoard's table of runs."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import ListValue, Value
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata as names
from tensorboard.plugins.hparams.api_pb2 import DataType, Experiment, HParamInfo, MetricInfo, MetricName, Status
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from gradviz.core.tensor import Tensor

from ._convert_np import make_np
from .messages import metadata


def hparams(
    hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: dict[str, Any] | None = None
) -> tuple[Any, Any, Any]:
    """Three messages: which hyperparameters and metrics an experiment has, a run's values, and that it is over.

    A value is a number, a bool (which counts as a number), a text, a tensor of one element, or None, which is left
    out. `hparam_domain_discrete` lists all values that one can have. Raises TypeError and ValueError for other things.
    """
    domains = {} if hparam_domain_discrete is None else hparam_domain_discrete
    for name, given in (
        ("hparam_dict", hparam_dict), ("metric_dict", metric_dict), ("hparam_domain_discrete", domains),
    ):  # fmt: skip
        if not isinstance(given, dict):
            raise TypeError(f"parameter: {name} should be a dictionary, nothing logged.")
    for key, domain in domains.items():
        known = key in hparam_dict and isinstance(domain, list)
        if not known or not all(isinstance(value, type(hparam_dict[key])) for value in domain):
            raise TypeError(
                f"parameter: hparam_domain_discrete[{key}] should be a list of same type as hparam_dict[{key}]."
            )
    infos = []
    start = SessionStartInfo()
    for key, value in hparam_dict.items():
        if value is None:
            continue
        kind, field, value = _plain(value)
        setattr(start.hparams[key], field, value)
        domain = domains.get(key)
        listed = None if domain is None else ListValue(values=[Value(**{field: _plain(x)[2]}) for x in domain])
        infos.append(HParamInfo(name=key, type=DataType.Value(kind), domain_discrete=listed))
    metrics = [MetricInfo(name=MetricName(tag=key)) for key in metric_dict]
    end = SessionEndInfo(status=Status.Value("STATUS_SUCCESS"))
    return (
        _summary(names.EXPERIMENT_TAG, experiment=Experiment(hparam_infos=infos, metric_infos=metrics)),
        _summary(names.SESSION_START_INFO_TAG, session_start_info=start),
        _summary(names.SESSION_END_INFO_TAG, session_end_info=end),
    )


def _plain(value: Any) -> tuple[str, str, Any]:
    """A hyperparameter's type, the field its value goes into, and the value."""
    if isinstance(value, Tensor):
        value = make_np(value.reshape(-1))[0].item()
    if isinstance(value, int | float):
        return "DATA_TYPE_FLOAT64", "number_value", value
    if isinstance(value, str):
        return "DATA_TYPE_STRING", "string_value", value
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")


def _summary(tag: str, **content: Any) -> Any:
    data = HParamsPluginData(version=names.PLUGIN_DATA_VERSION, **content)
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata(names.PLUGIN_NAME, data))])
