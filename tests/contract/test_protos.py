"""The contract: generated code is current, every field is explained, and the wire never breaks."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.rpc import status_pb2

ROOT = Path(__file__).resolve().parents[2]
PROTOS = sorted(path.relative_to(ROOT / "protos") for path in (ROOT / "protos/tidegate").rglob("*.proto"))
COMMITTED = ROOT / "tests/contract/moderation_v1.binpb"


def _compile(out: Path, *extra: str) -> None:
    google = Path(status_pb2.__file__).parents[2]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "protos"), "-I", str(google)]
    command += [f"--python_out={out}", f"--grpc_python_out={out}", *extra, *map(str, PROTOS)]
    subprocess.run(command, check=True, cwd=ROOT / "protos")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gen")
    _compile(out, f"--descriptor_set_out={out / 'set.binpb'}", "--include_source_info")
    return out


@pytest.fixture(scope="module")
def current(compiled: Path) -> FileDescriptorSet:
    return FileDescriptorSet.FromString((compiled / "set.binpb").read_bytes())


def test_generated_code_is_what_the_protos_generate(compiled: Path) -> None:
    fresh = sorted(path.relative_to(compiled) for path in compiled.rglob("*.py"))
    assert fresh
    for path in fresh:
        assert (ROOT / "protos/gen" / path).read_text() == (compiled / path).read_text(), f"run `make proto`: {path}"


def test_every_message_field_value_and_method_is_explained(current: FileDescriptorSet) -> None:
    silent = [f"{file.name}: {path}" for file in current.file for path in _without_comment(file)]
    assert silent == []


def _without_comment(file: FileDescriptorProto) -> list[str]:
    explained = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
    wanted: dict[tuple[int, ...], str] = {}
    for m, message in enumerate(file.message_type):
        wanted[4, m] = message.name
        wanted |= {(4, m, 2, f): f"{message.name}.{field.name}" for f, field in enumerate(message.field)}
    for e, enum in enumerate(file.enum_type):
        wanted[5, e] = enum.name
        wanted |= {(5, e, 2, v): value.name for v, value in enumerate(enum.value)}
    for s, service in enumerate(file.service):
        wanted[6, s] = service.name
        wanted |= {(6, s, 2, r): f"{service.name}.{method.name}" for r, method in enumerate(service.method)}
    return [name for path, name in wanted.items() if path not in explained]


def _fields(message: DescriptorProto) -> dict[int, tuple[str, int, int, str]]:
    return {field.number: (field.name, field.type, field.label, field.type_name) for field in message.field}


def test_the_wire_stays_compatible_with_the_committed_descriptors(current: FileDescriptorSet) -> None:
    """What a client was compiled against keeps its meaning: numbers, types, names, methods. Additions are fine."""
    released = FileDescriptorSet.FromString(COMMITTED.read_bytes())
    now_messages = {message.name: message for file in current.file for message in file.message_type}
    now_enums = {enum.name: enum for file in current.file for enum in file.enum_type}
    now_services = {service.name: service for file in current.file for service in file.service}
    assert released.file
    for file in released.file:
        for message in file.message_type:
            now = now_messages[message.name]
            reserved = {n for span in now.reserved_range for n in range(span.start, span.end)}
            for number, shape in _fields(message).items():
                assert number in reserved or _fields(now)[number] == shape, f"{message.name}.{shape[0]}"
        for enum in file.enum_type:
            values = {value.number: value.name for value in now_enums[enum.name].value}
            assert {value.number: value.name for value in enum.value}.items() <= values.items()
        for service in file.service:
            methods = {method.name: method for method in now_services[service.name].method}
            assert all(methods[method.name] == method for method in service.method)


def test_enums_begin_with_unspecified(current: FileDescriptorSet) -> None:
    firsts = [enum.value[0] for file in current.file for enum in file.enum_type]
    assert firsts
    assert all(first.name.endswith("_UNSPECIFIED") and first.number == 0 for first in firsts)


def test_every_rpc_is_called_by_some_test(current: FileDescriptorSet) -> None:
    source = "".join(path.read_text() for path in (ROOT / "tests/serving").rglob("test_*.py"))
    methods = [method.name for file in current.file for service in file.service for method in service.method]
    assert methods
    assert [name for name in methods if f"stub.{name}(" not in source] == []
