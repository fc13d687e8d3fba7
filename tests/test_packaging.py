"""The three packages have common names: here it is made sure that they get in nobody's way."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.modules import PACKAGES, ROOT

BUILD_TIMEOUT_S = 60


def run(*command: str | Path, **options) -> str:
    """The output of a command that must succeed."""
    ran = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_TIMEOUT_S,
        **options,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds the wheel as pip installs it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def files_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_has_exactly_the_three_packages(wheel):
    top = {name.split("/")[0] for name in files_of(wheel)}

    assert {name for name in top if not name.endswith(".dist-info")} == {*PACKAGES}


def test_the_wheel_has_every_module_and_the_data_beside_them(wheel):
    ignored = {"__pycache__"}
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not ignored & {*path.parts}
    }

    assert sources == {name for name in files_of(wheel) if ".dist-info/" not in name}


def test_the_wheel_carries_the_licence(wheel):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files_of(wheel))


def test_the_three_names_belong_to_no_other_distribution(installed, tmp_path):
    script = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"

    owners = json.loads(
        run(sys.executable, "-c", script, env={"PYTHONPATH": str(installed)}, cwd=tmp_path)
    )

    assert {name: {*owners[name]} for name in PACKAGES} == {name: {"hookline"} for name in PACKAGES}


def test_the_command_works_from_the_installed_wheel(installed, tmp_path):
    environment = {"PYTHONPATH": str(installed)}
    origin = "import agents.cli; print(agents.cli.__file__)"

    help_text = run(installed / "bin" / "hookline", "--help", env=environment, cwd=tmp_path)

    assert "Usage: hookline" in help_text
    assert str(installed) in run(sys.executable, "-c", origin, env=environment, cwd=tmp_path)


def test_the_lock_has_hashes_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    requirements = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]

    assert all(re.fullmatch(r"[\w.-]+==\S+( ; .+)? \\", line) for line in requirements)
    assert lock.count("--hash=sha256:") >= len(requirements)
    assert not re.search(r"://|--(extra-)?index-url|--find-links", lock)


def test_the_lock_has_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[^\w.-]", one)[0].lower().replace("_", "-") for one in wanted}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}

    assert names - locked == set()


def test_the_project_is_never_uploaded_by_mistake():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert "Private :: Do Not Upload" in project["classifiers"]
