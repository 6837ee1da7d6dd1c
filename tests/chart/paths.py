"""Where everything is."""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "charts" / "sealway"
VALUES = HERE / "values"
GOLDEN = HERE / "golden"
KUBE = ROOT / "tests" / "e2e" / "kube"
DEPLOY = ROOT / "deploy" / "kubernetes.yaml"
README = CHART / "README.md"
SCHEMA = CHART / "values.schema.json"
