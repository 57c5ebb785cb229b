"""Protobuf classes for what profilers send, built at run time from field numbers.

`push.v1` is Grafana Pyroscope's push API and `Profile` the pprof format of google/pprof. They live
in packages of perfd's own, so that they clash with nobody's generated code. What perfd does not
read is left out (sample labels, mappings' addresses): protobuf makes no objects of it. Strings are
`bytes`, because one bad character in a C++ symbol should not cost the whole profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Fields = Mapping[str, tuple[int, str]]  # name -> number, [repeated] type

# Nested messages as bytes, so that each level is bounded before it becomes objects.
_PUSH: Mapping[str, Fields] = {
    "PushRequest": {"series": (1, "repeated bytes")},
    "RawProfileSeries": {"labels": (1, "repeated bytes"), "samples": (2, "repeated bytes")},
    "LabelPair": {"name": (1, "bytes"), "value": (2, "bytes")},
    "RawSample": {"raw_profile": (1, "bytes")},
}
_PPROF: Mapping[str, Fields] = {
    "Profile": {
        "sample_type": (1, "repeated ValueType"),
        "sample": (2, "repeated Sample"),
        "mapping": (3, "repeated Mapping"),
        "location": (4, "repeated Location"),
        "function": (5, "repeated Function"),
        "string_table": (6, "repeated bytes"),
        "time_nanos": (9, "int64"),
        "duration_nanos": (10, "int64"),
        "period_type": (11, "ValueType"),
        "period": (12, "int64"),
    },
    "ValueType": {"type": (1, "int64"), "unit": (2, "int64")},
    "Sample": {"location_id": (1, "repeated uint64"), "value": (2, "repeated int64")},
    "Mapping": {"id": (1, "uint64"), "filename": (5, "int64")},
    "Location": {"id": (1, "uint64"), "mapping_id": (2, "uint64"), "line": (4, "repeated Line")},
    "Line": {"function_id": (1, "uint64"), "line": (2, "int64")},
    "Function": {
        "id": (1, "uint64"),
        "name": (2, "int64"),
        "filename": (4, "int64"),
        "start_line": (5, "int64"),
    },
}
_SCALARS = {
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def _describe(package: str, messages: Mapping[str, Fields]) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        _fill(file.message_type.add(name=name), package, fields.items())
    return file


def _fill(message: DescriptorProto, package: str, fields: Iterable[tuple[str, Any]]) -> None:
    for name, (number, declared) in fields:
        label, _, kind = declared.rpartition(" ")
        field = message.field.add(name=name, number=number)
        field.label = (
            FieldDescriptorProto.LABEL_REPEATED if label else FieldDescriptorProto.LABEL_OPTIONAL
        )
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{package}.{kind}"


def _classes(package: str, messages: Mapping[str, Fields]) -> Mapping[str, Any]:
    pool = DescriptorPool()
    pool.AddSerializedFile(_describe(package, messages).SerializeToString())
    return {n: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{n}")) for n in messages}


_push = _classes("perfd.push.v1", _PUSH)
PushRequest = _push["PushRequest"]
RawProfileSeries = _push["RawProfileSeries"]
LabelPair = _push["LabelPair"]
RawSample = _push["RawSample"]
PprofProfile = _classes("perfd.pprof.v1", _PPROF)["Profile"]
