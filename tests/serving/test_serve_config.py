"""The declarative configuration is one that Serve accepts."""

import yaml
from click.testing import CliRunner
from ray.serve.schema import ServeDeploySchema

from tidegate.cli.main import main
from tidegate.serving.serve_config import BUILDER, serve_config
from tidegate.serving.settings import load_settings


def test_serves_own_schema_takes_it_and_it_names_what_exists() -> None:
    schema = ServeDeploySchema.model_validate(serve_config(load_settings()))
    module, _, function = BUILDER.partition(":")
    assert callable(getattr(__import__(module, fromlist=[function]), function))
    assert schema.applications[0].import_path == BUILDER
    assert all(schema.grpc_options.grpc_servicer_functions)


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(main, ["serve-config"])
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.output) == serve_config(load_settings())
