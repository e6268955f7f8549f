"""Everything that endpoints were seen or feared to do, each with the symptom that a check must then fail with."""

from dataclasses import dataclass

from hostile_server import Misdeed

VARIANTS = {
    "space": "Sales DB.bak",
    "plus": "a+b.bak",
    "percent": "100%25.bak",
    "unicode": "Größe-売上.bak",
    "tilde": "~tilde.bak",
    "quote": "o'clock.bak",
    "equals": "a=b,c@d.bak",
    "dollar": "SRV$INST_db.bak",
    "ampersand": "a&b;c.bak",
    "hash": "a#b?.bak",
}
"""The check's variants and the names of their keys: each opens an upload, sends a part, completes, lists and reads."""
PAGED = "list-in-pages"
"""In every key of the check that lists in pages."""

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
BOMB = "<!DOCTYPE b [<!ENTITY a0 'ha'>{}]><InitiateMultipartUploadResult><UploadId>&a30;</UploadId></{}>"
LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 31))
PAGE = (
    "<L><IsTruncated>true</IsTruncated><NextContinuationToken>{0}</NextContinuationToken>"
    "<NextKeyMarker>{0}</NextKeyMarker><NextUploadIdMarker>{0}</NextUploadIdMarker></L>"
)
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def answer(body, status="200 OK", kind="application/xml", length=None):
    """One answer, as long as it says or not."""
    body = body.encode() if isinstance(body, str) else body
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode() + body


def bomb(padding=0, encoding="utf-8"):
    declared = "" if encoding == "utf-8" else '<?xml version="1.0" encoding="UTF-16"?>'
    text = declared + "<!--" + " " * padding + "-->" + BOMB.format(LAUGHS, "InitiateMultipartUploadResult")
    return answer(text.encode(encoding))


def say(*pieces):
    return lambda talk: talk.say(*pieces)


def for_ever(head, piece, pause=None):
    def do(talk):
        talk.say(head)
        talk.say_for_ever(piece, pause)

    return do


def reset_after(*pieces):
    def do(talk):
        talk.say(*pieces)
        talk.reset()

    return do


def hang_after(*pieces):
    def do(talk):
        talk.say(*pieces)
        talk.hang()

    return do


def redirect(talk):
    url = f"{talk.store.endpoint.url}{talk.request.target}"
    return talk.say(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n")


def endless_pages(talk):
    """A page of no key and a token that was never seen before, again and again."""
    return talk.say(answer(PAGE.format(len(talk.store.requests))))


@dataclass(frozen=True)
class Case:
    """A misdeed to one variant of a check, and the symptom that this variant must then fail with."""

    symptom: str
    do: object
    on: str = "part"
    when: str = "answer"

    def misdeed(self, word):
        return Misdeed(self.do, self.on, self.when, word)


CASES = {
    "hanging_response": Case("timeout", hang_after()),
    "hanging_in_the_head": Case("timeout", hang_after("HTTP/1.1 200 OK\r\nContent-")),
    "hanging_in_the_body": Case("timeout", hang_after(HEAD, "Content-Length: 65536\r\n\r\n", "x" * 999), "read"),
    "dripping_head": Case("timeout", for_ever("HTTP/1.1 200 OK\r\nX-Drip: ", ".", pause=0.1)),
    "dripping_body": Case("timeout", for_ever(f"{HEAD}Content-Length: 65536\r\n\r\n", ".", pause=0.1), "read"),
    "request_never_read": Case("timeout", hang_after(), "part", "head"),
    "continue_never_followed": Case("timeout", hang_after("HTTP/1.1 100 Continue\r\n\r\n")),
    "continue_for_ever": Case("reset", for_ever("", "HTTP/1.1 100 Continue\r\n\r\n")),
    "header_of_10_mb": Case("reset", say(HEAD, "X-Long: ", "x" * 10_000_000, "\r\nContent-Length: 0\r\n\r\n")),
    "headers_for_ever": Case("reset", for_ever(HEAD, "X-More: of it\r\n" * 1000)),
    "body_for_ever": Case("reset", for_ever(f"{HEAD}\r\n", "x" * 1_000_000), "read"),
    "chunks_for_ever": Case(
        "reset", for_ever(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", f"F4240\r\n{'x' * 1_000_000}\r\n"), "read"
    ),
    "chunk_size_for_ever": Case("reset", for_ever(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n", "0" * 99_999), "read"),
    "xml_for_ever": Case("reset", for_ever(f"{HEAD}\r\n<L>", "<a/>" * 9999), "open"),
    "body_of_many_terabytes": Case("reset", hang_after(HEAD, f"Content-Length: {10**15}\r\n\r\n"), "read"),
    "length_that_is_no_number": Case("reset", say(HEAD, f"Content-Length: {'9' * 9999}\r\n\r\n"), "read"),
    "body_shorter_than_its_length": Case("reset", lambda talk: not talk.say(answer("x", length=2)), "read"),
    "body_longer_than_its_length": Case("reset", say(answer("x" * 70_000, length=65_536)), "read"),
    "xml_bomb": Case("no-upload-id", say(bomb()), "open"),
    "xml_bomb_behind_padding": Case("no-upload-id", say(bomb(5000)), "open"),
    "xml_bomb_in_utf_16": Case("no-upload-id", say(bomb(0, "utf-16-le")), "open"),
    "xml_in_an_encoding_of_nobody": Case(
        "no-upload-id", say(answer("<?xml version='1.0' encoding='nobody'?><a/>")), "open"
    ),
    "xml_without_end": Case("no-upload-id", say(answer("<a>" * 2_000_000)), "open"),
    "redirect_loop": Case("HTTP-307", redirect),
    "html_error_page": Case("HTTP-502", say(answer(HTML, "502 Bad Gateway", "text/html"))),
    "html_instead_of_xml": Case("no-upload-id", say(answer(HTML, kind="text/html")), "open"),
    "busy_for_ever": Case("HTTP-503", say(answer("", "503 Slow Down"))),
    "garbage_before_the_status_line": Case("reset", say("garbage\r\n", answer(""))),
    "nothing_but_zeros": Case("reset", say(b"\0" * 999)),
    "reset_after_the_head": Case("reset", reset_after(), "part", "head"),
    "reset_in_the_body": Case("reset", reset_after(), "part", "body"),
    "reset_after_the_body": Case("reset", reset_after(), "part"),
    "reset_in_the_answers_head": Case("reset", reset_after("HTTP/1.1 200 OK\r\nContent-")),
    "reset_in_the_answers_body": Case("reset", reset_after(HEAD, "Content-Length: 65536\r\n\r\n", "x" * 999), "read"),
}
LISTS = {
    "pages_for_ever": Case("endless-list", endless_pages, "list"),
    "same_page_for_ever": Case("endless-list", say(answer(PAGE.format("again"))), "list"),
    "page_of_100_mb": Case("reset", for_ever(f"{HEAD}Content-Length: 100000000\r\n\r\n", "<a/>" * 9999), "list"),
}


def misdeeds(group):
    return [CASES[name].misdeed(VARIANTS[variant]) for variant, name in group.items()]


def groups(cases):
    """Cases dealt out over the variants of the check, so few to a group that most waiting ones don't end the run."""
    names, size = list(cases), 4 if cases is HANGING else 9
    return [dict(zip(VARIANTS, names[start : start + size], strict=False)) for start in range(0, len(names), size)]


HANGING = {name: case for name, case in CASES.items() if case.symptom == "timeout"}
OTHERS = {name: case for name, case in CASES.items() if case.symptom != "timeout"}
