"""A strict parser of the part of LogQL that the project's queries use; all else it refuses.

https://grafana.com/docs/loki/latest/query/
"""

import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<range>\[\d+[smhdw]\])"""
    r"""|(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<sign>\|=|\|~|=~|!~|==|!=|>=|<=|[-+*/%^(){},|=<>]))"""
)
WITH_NUMBER = {"topk", "bottomk", "quantile_over_time"}
VECTOR = {"sum", "avg", "min", "max", "count", "topk", "bottomk"}
# A range is counted by its lines, or by the number that is unwrapped; some may be grouped.
LINES = {"rate", "count_over_time", "absent_over_time"}
GROUPED = {"avg_over_time", "min_over_time", "max_over_time", "quantile_over_time"}
UNWRAPPED = {"rate", "sum_over_time", *GROUPED}
OPERATORS = {*"+ - * / % ^ == != > >= < <= and or unless".split()}
MATCHES = {"=", "!=", "=~", "!~"}
COMPARISONS = {"=", "==", "!=", ">", ">=", "<", "<="}


class LogQLError(ValueError):
    """A query that is no LogQL, or uses what the project's queries do not need."""


@dataclass
class Selection:
    """The lines that one part of a query selects, and what it takes out of them."""

    labels: dict[str, tuple[str, str]]
    texts: list[str] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    filters: list[tuple[str, str, str | float]] = field(default_factory=list)
    unwrap: str = ""
    range: str = ""
    groups: set[str] = field(default_factory=set)


class Parser:
    """Reads one query from its first token to its last."""

    def __init__(self, query: str) -> None:
        """Split a query into tokens."""
        self.tokens: list[tuple[str, str]] = []
        self.selections: list[Selection] = []
        end, query = 0, query.rstrip()
        while end < len(query):
            token = TOKEN.match(query, end)
            if token is None:
                raise LogQLError(f"unknown: {query[end:]}")
            self.tokens.append((str(token.lastgroup), token[str(token.lastgroup)]))
            end = token.end()

    def next_is(self, *values: str) -> bool:
        """Tell whether one of these comes next, a name or a sign."""
        return bool(self.tokens) and self.tokens[0][0] != "string" and self.tokens[0][1] in values

    def take(self, kind: str, *values: str) -> str:
        """Return the next token, which has to be of a kind, and one of the values if any."""
        found, text = self.tokens.pop(0) if self.tokens else ("end", "")
        if found != kind or (values and text not in values):
            raise LogQLError(f"{text or 'the end'}, not {' '.join(values) or kind}")
        return text[1:-1] if kind in ("string", "range") else text

    def takes(self, sign: str) -> bool:
        """Take a sign if it comes next, and tell whether it did."""
        return self.next_is(sign) and bool(self.take("sign", sign))

    def query(self) -> list[Selection]:
        """Read a whole query, of lines or of numbers."""
        if self.next_is("{"):
            self.selection()
        else:
            self.expression()
        if self.tokens:
            raise LogQLError(f"more than a query: {self.tokens}")
        return self.selections

    def expression(self) -> None:
        """Read numbers and what joins them; which binds closer does not matter here."""
        self.operand()
        while self.next_is(*OPERATORS):
            self.tokens.pop(0)
            self.operand()

    def operand(self) -> None:
        """Read a number, an expression in brackets, or a function of a range or of others."""
        if self.tokens and self.tokens[0][0] == "number":
            self.take("number")
        elif self.takes("("):
            self.expression()
            self.take("sign", ")")
        else:
            self.function(self.take("name", *VECTOR, *LINES, *UNWRAPPED))

    def function(self, name: str) -> None:
        """Read what follows the name of a function."""
        first = len(self.selections)
        groups = self.grouping() if name in VECTOR else set()
        self.take("sign", "(")
        if name in WITH_NUMBER:
            self.take("number")
            self.take("sign", ",")
        if name in VECTOR:
            self.expression()
        else:
            allowed = UNWRAPPED if self.selection().unwrap else LINES
            self.selections[first].range = self.take("range")
            if name not in allowed:
                raise LogQLError(
                    f"{name} of what is{'' if allowed is UNWRAPPED else ' not'} unwrapped"
                )
        self.take("sign", ")")
        if name in GROUPED or (name in VECTOR and not groups):
            groups = self.grouping()
        for selection in self.selections[first:]:
            selection.groups |= groups

    def grouping(self) -> set[str]:
        """Read by (label, ...) if it comes next."""
        if not self.next_is("by"):
            return set()
        self.take("name", "by")
        self.take("sign", "(")
        groups = {self.take("name")}
        while self.takes(","):
            groups.add(self.take("name"))
        self.take("sign", ")")
        return groups

    def selection(self) -> Selection:
        """Read labels in braces and the stages that follow them."""
        self.take("sign", "{")
        found = Selection(dict([self.matcher()]))
        while self.takes(","):
            found.labels |= [self.matcher()]
        self.take("sign", "}")
        if not any(re.fullmatch(value, "") is None for _, value in found.labels.values()):
            raise LogQLError("no label has to have a value")
        while self.next_is("|=", "|~", "!=", "!~"):
            self.take("sign")
            found.texts.append(self.take("string"))
        while not found.unwrap and self.takes("|"):
            self.stage(found)
        self.selections.append(found)
        return found

    def matcher(self) -> tuple[str, tuple[str, str]]:
        """Read label="value"."""
        return self.take("name"), (self.take("sign", *MATCHES), self.take("string"))

    def stage(self, found: Selection) -> None:
        """Read what follows a bar: json with what it takes out, unwrap, or a condition."""
        name = self.take("name")
        if name == "unwrap":
            found.unwrap = self.take("name")
        elif name == "json":
            found.paths |= [self.extracted()]
            while self.takes(","):
                found.paths |= [self.extracted()]
        elif self.next_is(*MATCHES) and self.tokens[1:] and self.tokens[1][0] == "string":
            found.filters.append((name, self.take("sign"), self.take("string")))
        else:
            sign = self.take("sign", *COMPARISONS)
            found.filters.append((name, sign, float(self.take("number"))))

    def extracted(self) -> tuple[str, str]:
        """Read label="path", or a label that is its own path."""
        name = self.take("name")
        return name, self.take("string") if self.takes("=") else name


def parse(query: str) -> list[Selection]:
    """Return what a query selects; a LogQLError says why it is none."""
    return Parser(query).query()
