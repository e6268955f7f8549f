"""One self-contained HTML file: outcome first, then the picture of the areas, the findings, and every check."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from restoreproof.reports import figures, found, wording
from restoreproof.reports.lines import pretty

if TYPE_CHECKING:
    from jinja2 import Environment

    from restoreproof.reports.record import Run


def render(run: Run) -> str:
    """The report of one run; needs no network, no script and no other file."""
    return page("html.j2", run=run, slowest=max((area.seconds for area in figures.areas(run)), default=0.0))


def page(template: str, **values: Any) -> str:
    """A page of ours from its template, with style and script inside and a policy that lets nothing else in."""
    style, script = _text("style.j2"), _text("script.j2")
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {_source(style)}; script-src {_source(script)}"
    )
    return _environment().get_template(template).render(style=style, script=script, policy=policy, **values)


def weblink(address: str) -> str:
    """The address if a reader may safely follow it, else nothing: profiles and registers are data, not trusted code."""
    return address if address.lower().startswith(("https://", "http://")) and address.isprintable() else ""


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415  # only who renders need wait

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(figures=figures, known=found.rows, wording=wording)
    environment.filters.update(
        weblink=weblink,
        pretty=pretty,
        duration=wording.duration,
        mebibytes=wording.mebibytes,
        when=_when,
        speed=wording.speed,
    )
    return environment


def _shown(value: Any) -> Any:
    """Every text that comes from outside has its invisible characters shown; markup made here passes as it is."""
    return wording.visible(value) if type(value) is str else value


def _when(moment: str) -> str:
    """``2026-11-20T09:15:00Z`` as ``2026-11-20 09:15 UTC``."""
    return f"{moment[:10]} {moment[11:16]} UTC"
