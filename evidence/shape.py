# SPDX-License-Identifier: BSD-2-Clause
# JSON that others wrote: read with bounds, and held against provider.schema.json by the part of JSON Schema that it uses. Debian's
# jsonschema is a package of the tests alone: a record must be judged where nothing but Python is.
import json
import math
import pathlib
import re

JSON_BYTES_MAX = 16 << 20
SCHEMA_PATH = pathlib.Path(__file__).resolve().parent / "provider.schema.json"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Wrong(ValueError):
    """A value that does not have the shape that is due, in one line: where, and what."""


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def no_number(word):
    raise ValueError(f"{word} is no number")


def finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def read_json(path):
    """The object in a file. OSError; Wrong: too large, no JSON, or no object: in one line."""
    with open(path, "rb") as file:
        data = file.read(JSON_BYTES_MAX + 1)
    if len(data) > JSON_BYTES_MAX:
        raise Wrong(f"{path}: larger than {JSON_BYTES_MAX} bytes")
    try:
        found = json.loads(data, object_pairs_hook=once, parse_constant=no_number, parse_float=finite)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # halves of a surrogate pair could not be written again
    except (ValueError, RecursionError) as error:
        raise Wrong(f"{path}: no JSON of ours: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise Wrong(f"{path}: not an object")
    return found


def schema():
    return json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, TYPES[name])


def same(one, other):
    """Equal as JSON has it: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class Shape:
    """One value against one schema. A keyword that is not known here is a fault of the schema."""

    IGNORED = ("$schema", "title", "$defs", "comment")

    def __init__(self, root):
        self.root = root

    def check(self, value, rule, at="the record"):
        """Raises Wrong at the first thing that is not as the rule has it."""
        for word, due in rule.items():
            if word not in self.IGNORED:
                getattr(self, "check_" + word.replace("$", ""))(value, due, at, rule)

    def holds(self, value, rule):
        try:
            self.check(value, rule)
        except Wrong:
            return False
        return True

    def check_ref(self, value, due, at, _):
        self.check(value, self.root["$defs"][due.removeprefix("#/$defs/")], at)

    def check_type(self, value, due, at, _):
        names = due if isinstance(due, list) else [due]
        if not any(is_type(value, name) for name in names):
            raise Wrong(f"{at}: {' or '.join(names)} is due")

    def check_enum(self, value, due, at, _):
        if not any(same(value, one) for one in due):
            raise Wrong(f"{at}: one of {', '.join(map(str, due))} is due")

    def check_const(self, value, due, at, _):
        if not same(value, due):
            raise Wrong(f"{at}: {due} is due")

    def check_pattern(self, value, due, at, _):
        # \Z: Python's $ would let a newline pass at the end
        if isinstance(value, str) and not re.search(due.removesuffix("$") + r"\Z" if due.endswith("$") else due, value):
            raise Wrong(f"{at}: not of the form {due}")

    def check_minimum(self, value, due, at, _):
        if is_type(value, "number") and value < due:
            raise Wrong(f"{at}: below {due}")

    def check_maximum(self, value, due, at, _):
        if is_type(value, "number") and value > due:
            raise Wrong(f"{at}: above {due}")

    def check_minLength(self, value, due, at, _):  # noqa: N802
        if isinstance(value, str) and len(value) < due:
            raise Wrong(f"{at}: shorter than {due}")

    def check_maxLength(self, value, due, at, _):  # noqa: N802
        if isinstance(value, str) and len(value) > due:
            raise Wrong(f"{at}: longer than {due}")

    def check_minItems(self, value, due, at, _):  # noqa: N802
        if isinstance(value, list) and len(value) < due:
            raise Wrong(f"{at}: fewer than {due} items")

    def check_maxItems(self, value, due, at, _):  # noqa: N802
        if isinstance(value, list) and len(value) > due:
            raise Wrong(f"{at}: more than {due} items")

    def check_uniqueItems(self, value, due, at, _):  # noqa: N802
        if due and isinstance(value, list) and len({json.dumps(one, sort_keys=True) for one in value}) != len(value):
            raise Wrong(f"{at}: an item stands twice")

    def check_items(self, value, due, at, _):
        for number, one in enumerate(value if isinstance(value, list) else []):
            self.check(one, due, f"{at}[{number}]")

    def check_minProperties(self, value, due, at, _):  # noqa: N802
        if isinstance(value, dict) and len(value) < due:
            raise Wrong(f"{at}: fewer than {due} members")

    def check_required(self, value, due, at, _):
        for name in due if isinstance(value, dict) else []:
            if name not in value:
                raise Wrong(f"{at}: {name} is missing")

    def check_properties(self, value, due, at, _):
        for name in due if isinstance(value, dict) else []:
            if name in value:
                self.check(value[name], due[name], f"{at}.{name}")

    def check_propertyNames(self, value, due, at, _):  # noqa: N802
        for name in value if isinstance(value, dict) else []:
            self.check(name, due, f"{at}, the name {name!r:.60}")

    def check_additionalProperties(self, value, due, at, rule):  # noqa: N802
        for name in value if isinstance(value, dict) else []:
            if name in rule.get("properties", {}):
                continue
            if due is False:
                raise Wrong(f"{at}: {name!r:.60} is not known")
            self.check(value[name], due, f"{at}.{name[:60]}")

    def check_allOf(self, value, due, at, _):  # noqa: N802
        for rule in due:
            self.check(value, rule, at)

    def check_oneOf(self, value, due, at, _):  # noqa: N802
        if sum(self.holds(value, rule) for rule in due) != 1:
            raise Wrong(f"{at}: none of the shapes that are due")


def check_record(record):
    """Raises Wrong unless this is the shape of provider.json."""
    whole = schema()
    Shape(whole).check(record, whole, "provider.json")


def check_part(value, name, at):
    """One member of provider.json, as it stands elsewhere."""
    whole = schema()
    Shape(whole).check(value, whole["properties"][name], at)
