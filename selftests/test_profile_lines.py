"""The lines of a TOML document, which the standard library does not tell."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from restoreproof.providers.lines import find_lines

LINES = '''\
# [not.a.table]
top = 1
"quoted \\u0041" = """
[neither.this]
nor = 1
"""  # end
[a . "b.c"]  # comment
x.y = 1
z = [  # [no]
  [1, 2],
  { p = 1, q = [ "]", \'[\' ] },
]
[[t]]
k = 1
[[t]]
k = 2
[t.sub]
m = \'\'\'
[no]\'\'\'
[[t.list]]
n = 3
[[t]]
[[t.list]]
n = 4
'''


def test_lines_are_found_for_every_key():
    tomllib.loads(LINES)

    assert find_lines(LINES) == {
        ("top",): 2, ("quoted A",): 3, ("a", "b.c"): 7, ("a", "b.c", "x"): 8, ("a", "b.c", "x", "y"): 8,
        ("a", "b.c", "z"): 9, ("a", "b.c", "z", 0): 10, ("a", "b.c", "z", 0, 0): 10, ("a", "b.c", "z", 0, 1): 10,
        ("a", "b.c", "z", 1): 11, ("a", "b.c", "z", 1, "p"): 11, ("a", "b.c", "z", 1, "q"): 11,
        ("a", "b.c", "z", 1, "q", 0): 11, ("a", "b.c", "z", 1, "q", 1): 11,
        ("t", 0): 13, ("t", 0, "k"): 14, ("t", 1): 15, ("t", 1, "k"): 16, ("t", 1, "sub"): 17, ("t", 1, "sub", "m"): 18,
        ("t", 1, "list", 0): 20, ("t", 1, "list", 0, "n"): 21, ("t", 2): 22, ("t", 2, "list", 0): 23,
        ("t", 2, "list", 0, "n"): 24,
    }  # fmt: skip


@given(st.text(alphabet="ab.=[]{},\"'#\n \\1"))
def test_looking_for_lines_never_fails_and_always_ends(text):
    assert all(1 <= line <= text.count("\n") + 1 for line in find_lines(text).values())
