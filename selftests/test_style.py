"""The house rules that a reader can't be asked to count: budgets, the direction of imports, names and places."""

import ast
import re
import statistics
import sys

import pytest
from source_tree import ROOMS, ROOT, UNSHIPPED, body_length, checks, length, modules, suites, tracked

from restoreproof.providers.profile import shipped_profiles

MAY_IMPORT = {
    "providers": {"providers"},
    "standins": {"standins"},
    "reports": {"reports"},
    "fixtures": {"fixtures", "providers", "reports"},
    "suites": set(),
    "commands": {"commands", "fixtures", "providers", "reports", "standins"},
    "selftests": {"commands", "fixtures", "providers", "reports", "standins"},
    "benchmarks": {"commands", "fixtures", "providers", "reports", "standins"},
    "": set(),
}

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match)

POSIX_MODULES = {"crypt", "fcntl", "grp", "nis", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {
        *("chown", "chroot", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups"),
        *("getpgid", "getpgrp", "getsid", "getuid", "getxattr", "killpg", "lchown", "listxattr", "mkfifo", "nice"),
        *("openpty", "pidfd_open", "removexattr", "setgid", "setpgid", "setsid", "setuid", "setxattr", "statvfs"),
        *("sysconf", "uname", "wait3", "wait4", "waitid", "WNOHANG"),
    },
    "signal": {
        *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGUSR1", "SIGUSR2"),
        *("alarm", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "sigtimedwait", "sigwait"),
    },
    "socket": {"AF_UNIX", "SO_PEERCRED", "socketpair"},
    "select": {"epoll", "kqueue", "poll"},
}
POSIX_ARGUMENTS = {"preexec_fn", "start_new_session", "process_group", "pass_fds"}

# The 14 offerings. AWS is not among these words: its protocol is what everybody is measured by, and the signature that
# all of them check is named after it. Words of everyday English (pure) stand with what makes them a vendor's.
VENDORS = {
    *("artesca", "ceph", "ceph_rgw", "cloudian", "cloudserver", "dell", "emc", "flashblade", "hcp", "hitachi", "hpe"),
    *("hyperstore", "mapr", "minio", "netapp", "noobaa", "nutanix", "objectscale", "odf", "ontap", "openshift"),
    *("purestorage", "rclone", "redhat", "rgw", "rook", "scality", "storagegrid", "weka", "wekaio", "zenko"),
}

VAGUE = {"base", "bases", "common", "commons", "helper", "helpers", "misc", "util", "utils"}

REGISTRIES = ("docker.io", "files.pythonhosted.org", "ghcr.io", "mcr.microsoft.com", "proxy.golang.org", "pypi.org")
NAMED_BY_NEED = {
    ".ci/docker: docker.io",  # the name of Debian's package
    "fixtures/engines/container.py: mcr.microsoft.com",  # the default image, which anybody may change
}
MACHINE_PATHS = re.compile(r"""(?<![\w$.}])/(?:work|tmp/w|root|home/[a-z]\w*|Users/\w+)(?:/|\b)""")


def lines_of(module):
    return len(module.text.splitlines())


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def nodes(kind, *rooms):
    return ((module, node) for module in modules(*rooms) for node in ast.walk(module.tree) if isinstance(node, kind))


def test_no_function_is_longer_than_forty_lines():
    assert [f"{m.name}: {f.name} {length(f)}" for m in modules() for f in m.functions if length(f) > 40] == []


@pytest.mark.parametrize("room", [*ROOMS, "selftests"])
def test_half_of_the_functions_have_nine_lines_at_most(room):
    assert statistics.median(length(function) for module in modules(room) for function in module.functions) <= 9


def test_no_file_is_longer_than_four_hundred_lines():
    assert [f"{module.name} {lines_of(module)}" for module in modules() if lines_of(module) > 400] == []


def test_checks_are_short():
    bodies = {f"{m.name}: {check.name}": body_length(check) for m in suites() for check in checks(m)}

    assert {name: lines for name, lines in bodies.items() if lines > 25} == {}
    assert statistics.median(bodies.values()) <= 12


def test_checks_do_not_branch_or_loop():
    found = [
        f"{module.name}:{node.lineno}"
        for module in suites()
        for check in checks(module)
        for node in ast.walk(check)
        if isinstance(node, BRANCHES)
    ]

    assert found == []


def test_every_public_name_has_a_docstring():
    missing = [
        f"{module.name}:{line} {name}"
        for module in modules(*ROOMS)
        for line, name, node in module.public()
        if not ast.get_docstring(node)
    ]
    missing += [module.name for module in modules(*ROOMS) if not ast.get_docstring(module.tree)]

    assert missing == []


def test_no_profile_is_longer_than_sixty_lines():
    profiles = tracked("providers/*.toml")
    own = {path: text_of(path).partition("[[deviations]]")[0] for path in profiles if path.parent.name == "providers"}
    sizes = {path.name: len(text.splitlines()) for path, text in own.items()}  # what it gets wrong is not its length

    assert {name: lines for name, lines in sizes.items() if lines > 60} == {}
    assert set(shipped_profiles()) <= {name.removesuffix(".toml") for name in sizes}


def test_vendors_stand_in_their_profiles_and_nowhere_else():
    words = (VENDORS | set(shipped_profiles())) - {"embedded"}
    pattern = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(sorted(words))})(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{module.name}: {match[0]}"
        for module in modules("suites", "fixtures", "reports", "standins", "commands")
        for match in pattern.finditer(module.text)
    ]

    assert found == []


def test_modules_are_named_by_what_they_hold():
    assert [module.name for module in modules() if VAGUE & set(module.path.stem.split("_"))] == []


def test_only_waiting_sleeps():
    sleeping = {
        module.name
        for module, node in nodes((ast.Attribute, ast.alias))
        if (node.attr if isinstance(node, ast.Attribute) else node.name) == "sleep"
    }

    assert sleeping <= {"fixtures/waiting.py", "standins/waiting.py"}


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

    assert [path.name for path in tracked() if marks.search(text_of(path))] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_follow_the_flow(room):
    imported = [(m.name, line, name.split(".")) for m in modules() if m.room == room for line, name in m.imported]
    ours = [(file, line, words[1]) for file, line, words in imported if words[0] == "restoreproof"]

    assert [f"{file}:{line} {other}" for file, line, other in ours if other not in MAY_IMPORT[room]] == []


def test_every_import_of_ours_is_absolute():
    assert [f"{m.name}:{line}" for m in modules() for line, name in m.imported if name.startswith(".")] == []


def test_no_room_is_imported_by_its_folder():
    shipped = [module for module in modules() if module.room not in UNSHIPPED]
    found = [f"{m.name}:{line}" for m in shipped for line, name in m.imported if name.split(".")[0] in ROOMS]

    assert found == []


def test_suites_import_pytest_and_the_standard_library_only():
    known = {"pytest", *sys.stdlib_module_names}

    assert [f"{m.name}: {name}" for m in suites() for _, name in m.imported if name.split(".")[0] not in known] == []


def test_only_standins_need_posix():
    elsewhere = tuple(room for room in ROOMS if room != "standins")
    found = []
    for module in modules(*elsewhere, ""):
        for line, name in module.imported:
            holder, _, member = name.partition(".")
            posix = holder in POSIX_MODULES or member in POSIX_NAMES.get(holder, ())
            found += [f"{module.name}:{line} {name}"] if posix else []
    for module, node in nodes((ast.Attribute, ast.keyword), *elsewhere):
        found += [f"{module.name}:{node.lineno}"] if needs_posix(module, node) else []

    assert found == []


def needs_posix(module, node):
    """Whether a keyword or a member is there on POSIX only, and the module does not ask first whether it is."""
    if isinstance(node, ast.keyword):
        return node.arg in POSIX_ARGUMENTS
    known = isinstance(node.value, ast.Name) and node.attr in POSIX_NAMES.get(node.value.id, ())
    return known and f'hasattr({node.value.id}, "{node.attr}")' not in module.text


def test_every_text_file_is_opened_with_an_encoding():
    found = [f"{m.name}:{call.lineno}" for m, call in nodes(ast.Call, *ROOMS, "") if opens_text(call)]

    assert found == []


def opens_text(call):
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    named = {keyword.arg for keyword in call.keywords}
    words = [node.value for node in (*call.args, *(k.value for k in call.keywords)) if isinstance(node, ast.Constant)]
    binary = any(isinstance(word, str) and "b" in word and len(word) <= 3 for word in words)
    if name in ("read_text", "write_text"):
        return "encoding" not in named
    opening = name == "open" and not (isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "os")
    return opening and not binary and "encoding" not in named


def test_no_tracked_file_names_a_path_of_somebodys_machine():
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path in tracked() for match in MACHINE_PATHS.finditer(text_of(path))
    ]

    assert found == []


def test_no_tracked_file_names_a_package_registry():
    here = ROOT / "selftests" / "test_style.py"
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in REGISTRIES
        if path != here and re.search(rf"(?<![\w.-]){re.escape(host)}", text_of(path))
    ]

    assert set(found) <= NAMED_BY_NEED
