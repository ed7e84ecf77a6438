"""The files in deploy/ and systemd/: readable, and about metrics and settings that exist."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest
import yaml

from bargein.config import SECTIONS, Config
from bargein.server.metrics import COUNTERS, GAUGES, HISTOGRAMS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SERIES = (
    {f"{name}_total" for name in COUNTERS} | set(GAUGES) | {f"{name}_bucket" for name in HISTOGRAMS}
)  # what a query may name


def used(text: str) -> set[str]:
    return set(re.findall(r"\bbargein_\w+", text))


def test_alerts_are_about_metrics_that_exist() -> None:
    (group,) = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    assert all(used(rule["expr"]) <= SERIES for rule in group["rules"])
    assert all(rule["annotations"]["summary"] for rule in group["rules"])


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    board = json.loads((DEPLOY / "grafana/bargein.json").read_text())
    shown = set().union(*(used(target["expr"]) for panel in board["panels"] for target in panel["targets"]))
    assert shown == SERIES


def test_the_compose_file_sets_what_exists() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in services["bargein"]["environment"]:
        section, key = name.removeprefix("BARGEIN_").lower().split("__")
        assert key in SECTIONS[section].__dataclass_fields__


def test_the_container_fits_the_package_and_its_defaults() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    setup, plain = configparser.ConfigParser(), Config()
    setup.read(ROOT / "setup.cfg")
    (extras,) = re.findall(r"/usr/src/bargein\[([\w,]+)\]", text)
    assert set(extras.split(",")) <= set(setup["options.extras_require"])
    (python,) = re.findall(r"^FROM \S+python:([\d.]+)", text, re.MULTILINE)
    assert f"Programming Language :: Python :: {python}" in setup["metadata"]["classifiers"]
    (first, last, agi, metrics) = re.findall(r"\d+", re.findall(r"^EXPOSE (.+)", text, re.MULTILINE)[0])
    assert plain.audiosocket.listen == f"127.0.0.1:{first}" and int(last) - int(first) == 15  # noqa: PT018
    assert plain.fastagi.listen == f"127.0.0.1:{agi}"
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    scraped = (DEPLOY / "prometheus/prometheus.yaml").read_text()
    where = f"127.0.0.1:{metrics}"
    assert all(where in part for part in (text, scraped, services["bargein"]["environment"]["BARGEIN_SERVER__METRICS"]))
    grace = int(services["bargein"]["stop_grace_period"].removesuffix("s"))
    assert grace > plain.audiosocket.drain_s


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("Containerfile")), ids=str)
def test_containers_copy_what_is_there(path: Path) -> None:
    for source in re.findall(r"^COPY (\S+)", path.read_text(), re.MULTILINE):
        assert (ROOT / source).exists()


def test_the_template_unit_is_the_unit_with_names() -> None:
    def settings(name: str) -> list[str]:
        return [line for line in (ROOT / "systemd" / name).read_text().splitlines() if line and line[0] not in "#["]

    plain, template = settings("bargein.service"), settings("bargein@.service")
    assert len(plain) == len(template)
    differ = [new for old, new in zip(plain, template, strict=True) if old != new]
    assert differ
    assert all("%i" in line for line in differ)
    assert any(line.startswith("MemoryMax=") for line in plain)
