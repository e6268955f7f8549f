"""Which ODBC driver is taken, and what is said where there is none."""

import platform
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from restoreproof.fixtures.engines import driver
from restoreproof.fixtures.engines.driver import Driver, DriverError, find_driver, import_pyodbc

INSTALLED = "ODBC Driver 18 for SQL Server"
FILES = {
    ("linux", "debian_ubuntu/x86_64"): "libmsodbcsql-18.6.so.2.1",
    ("linux", "rhel/arm64"): "libmsodbcsql-18.6.so.2.1",
    ("linux", "suse/x86_64"): "libmsodbcsql-18.6.so.2.1",
    ("linux", "alpine/x86_64"): "libmsodbcsql-18.6.so.2.1",
    ("macos", "arm64"): "libmsodbcsql.18.dylib",
}


@pytest.fixture
def manager(monkeypatch):
    """A driver manager with the drivers that a test gives it."""
    fake = SimpleNamespace(names=[], pooling=True)
    fake.drivers = lambda: fake.names
    monkeypatch.setitem(sys.modules, "pyodbc", fake)
    return fake


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel that is installed, with a file for each system."""
    for (system, folder), name in FILES.items():
        library = tmp_path / "libs" / system / folder / "lib"
        library.mkdir(parents=True)
        (library / name).touch()
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(driver, "find_spec", lambda _: spec)
    return tmp_path / "libs"


def on(monkeypatch, tmp_path, *, machine="x86_64", system="linux", release=""):
    path = tmp_path / "os-release"
    path.write_text(release, encoding="utf-8")
    monkeypatch.setattr(driver, "_OS_RELEASE", path)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)


@pytest.mark.usefixtures("wheel")
def test_driver_that_is_set_is_taken(manager):
    manager.names = [INSTALLED, "Another"]

    assert find_driver("Another") == Driver("Another", "", "setting")


def test_path_that_is_set_is_taken(manager, tmp_path):
    path = tmp_path / "driver.so"
    path.touch()

    assert find_driver(str(path)) == Driver(str(path), "", "setting")
    assert manager.pooling is False


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("setting", ["/nowhere/driver.so", "Another"])
def test_setting_that_leads_nowhere_is_refused(setting):
    with pytest.raises(DriverError, match=setting):
        find_driver(setting)


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize("setting", [None, ""])
def test_driver_that_is_installed_comes_before_the_wheel(manager, setting):
    manager.names = [INSTALLED]

    assert find_driver(setting) == Driver(INSTALLED, "", "installed")


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ({"release": "ID=debian\n"}, "linux/debian_ubuntu/x86_64"),
        ({"release": 'ID=ubuntu\nID_LIKE="debian"\n', "machine": "AMD64"}, "linux/debian_ubuntu/x86_64"),
        ({"release": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "machine": "aarch64"}, "linux/rhel/arm64"),
        ({"release": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n'}, "linux/suse/x86_64"),
        ({"release": "ID=alpine\n"}, "linux/alpine/x86_64"),
        ({"release": ""}, "linux/debian_ubuntu/x86_64"),
        ({"system": "darwin", "machine": "arm64"}, "macos/arm64"),
    ],
    ids=str,
)
def test_wheel_gives_the_file_of_this_system(wheel, monkeypatch, tmp_path, place, folder):
    on(monkeypatch, tmp_path, **place)

    found = find_driver(None)

    assert found.source == "wheel"
    assert found.name.startswith(str(wheel / folder / "lib" / "libmsodbcsql"))


@pytest.mark.usefixtures("manager", "wheel")
@pytest.mark.parametrize("place", [{"machine": "riscv64"}, {"system": "win32"}], ids=str)
def test_wheel_without_a_file_for_this_system_does_not_help(monkeypatch, tmp_path, place):
    on(monkeypatch, tmp_path, **place)

    with pytest.raises(DriverError, match="no ODBC Driver 18"):
        find_driver(None)


@pytest.mark.usefixtures("manager")
def test_lack_of_a_driver_is_told_with_the_way_out(monkeypatch):
    monkeypatch.setattr(driver, "find_spec", lambda _: None)

    with pytest.raises(DriverError, match="pip install mssql-python-odbc") as problem:
        find_driver(None)
    assert "\n" not in str(problem.value)


def test_lack_of_the_driver_manager_is_told_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodbc", None)

    with pytest.raises(DriverError, match="apt-get install unixodbc libgssapi-krb5-2") as problem:
        find_driver(None)
    assert "\n" not in str(problem.value)


@pytest.mark.skipif(find_spec("mssql_python_odbc") is None, reason="the wheel is not installed")
def test_real_wheel_has_a_driver_and_a_version():
    found = find_driver(None)

    assert found.source in {"installed", "wheel"}
    assert found.source == "installed" or found.version.startswith("18.")
    assert import_pyodbc().pooling is False
