"""XML in, safely: no DOCTYPE, no entities, no network, bounded size and depth (CCDA-15, trust rule book §5)."""

# ruff: noqa: D102 - the methods of Node are those of lxml, and described there

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

from lxml import etree as _lxml  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue, reportUnknownVariableType] - lxml ships no types; Node gives them

from mainstem.model.problem import Problem

LIMIT_BYTES = 64 * 1024 * 1024
LIMIT_DEPTH = 200

_lib = cast("Any", _lxml)
_DOCTYPE = b"<!DOCTYPE"
_TOO_LARGE = ("ERR_EXCESSIVE_DEPTH", "ERR_RESOURCE_LIMIT", "ERR_ENTITY_LOOP", "ERR_NAME_TOO_LONG")
_NAMESPACE_FAULTS = "NAMESPACE"
"""libxml2's error domain for a malformed namespace URI, which the content does not depend on."""


class Node(Protocol):
    """The part of an lxml element that the readers use."""

    @property
    def tag(self) -> object: ...
    @property
    def text(self) -> str | None: ...
    @property
    def tail(self) -> str | None: ...
    @property
    def attrib(self) -> Mapping[str, str]: ...
    def get(self, key: str, default: str | None = None) -> str | None: ...
    def find(self, path: str) -> "Node | None": ...
    def findall(self, path: str) -> "list[Node]": ...
    def iter(self, *tags: str) -> "Iterator[Node]": ...
    def iterancestors(self, *tags: str) -> "Iterator[Node]": ...
    def itersiblings(self, tag: str | None = None, *, preceding: bool = False) -> "Iterator[Node]": ...
    def itertext(self, tag: str | None = None) -> Iterator[str]: ...
    def getparent(self) -> "Node | None": ...
    def xpath(self, path: str) -> Any: ...  # noqa: ANN401 - an XPath may give nodes, text or numbers
    def __iter__(self) -> "Iterator[Node]": ...
    def __len__(self) -> int: ...


class RefusedError(Exception):
    """Bytes that are not read as XML; `problem` and `words` say why, without quoting the document."""

    def __init__(self, problem: Problem, words: str) -> None:
        super().__init__(words)
        self.problem = problem
        self.words = words


def parse(body: bytes) -> Node:
    """Return the root element of one XML document.

    Raises:
        RefusedError: UNSAFE for any document type declaration in any encoding, TOO_LARGE beyond `LIMIT_BYTES` or
            `LIMIT_DEPTH`, UNREADABLE with line and column for everything that is not well-formed.
    """
    if len(body) > LIMIT_BYTES:
        raise RefusedError(Problem.TOO_LARGE, f"The document has {len(body):,} bytes; the limit is {LIMIT_BYTES:,}.")
    if _DOCTYPE in body.replace(b"\0", b""):
        raise RefusedError(Problem.UNSAFE, "The document declares a DOCTYPE, which no clinical document needs.")
    root = _parsed(body.lstrip(b" \t\r\n"))
    if _lib.ElementTree(root).docinfo.internalDTD is not None:
        raise RefusedError(Problem.UNSAFE, "The document declares a DOCTYPE, which no clinical document needs.")
    _check_depth(root)
    return root


def _parsed(body: bytes) -> Node:
    parser = _parser(recover=False)
    try:
        return cast("Node", _lib.fromstring(body, parser))
    except _lib.XMLSyntaxError as error:
        faults = list(parser.error_log)
        if faults and all(fault.domain_name == _NAMESPACE_FAULTS for fault in faults):
            return cast("Node", _lib.fromstring(body, _parser(recover=True)))
        raise _refusal(error, faults) from None


def _parser(*, recover: bool) -> Any:  # noqa: ANN401 - lxml's parser is not typed
    return _lib.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True, recover=recover,
    )  # fmt: skip


def _refusal(error: Any, faults: list[Any]) -> RefusedError:  # noqa: ANN401 - lxml's error types are not typed
    if any(fault.type_name in _TOO_LARGE for fault in faults):
        return RefusedError(
            Problem.TOO_LARGE, f"The document goes beyond a limit of the parser at line {error.lineno}."
        )
    line, column = error.position or (error.lineno or 1, 0)
    return RefusedError(Problem.UNREADABLE, f"The document is not well-formed XML at line {line}, column {column}.")


def _check_depth(root: Node) -> None:
    depth = 0
    for event, _ in _lib.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > LIMIT_DEPTH:
            raise RefusedError(Problem.TOO_LARGE, f"The document nests deeper than {LIMIT_DEPTH} elements.")


def path_of(node: Node) -> str:
    """Return an XPath 1.0 that finds this element again without any namespace table, such as `/*/*[12]/*[1]`.

    Steps count elements only, so that the path holds for a parser that keeps comments too (I6).
    """
    steps: list[str] = []
    here: Node | None = node
    while here is not None:
        parent = here.getparent()
        steps.append("/*" if parent is None else f"/*[{1 + sum(1 for _ in here.itersiblings('*', preceding=True))}]")
        here = parent
    return "".join(reversed(steps))
