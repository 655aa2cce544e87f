"""How a table's struct takes in what a batch of JSON objects brings, without ever refusing one."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import types as T

from claimx_lib.domain.json_shape import VOID, Array, Object, Scalar, Shape
from claimx_lib.domain.masking import masked_text

MOST_RESCUED = 200
"""More places than this that don't fit: the whole text is rescued instead of each."""
MOST_FIELDS = 2_000
"""A struct with so many fields, those within it counted too, takes no new ones: names that are ids would never end."""

_LONGEST_NAME = 255
_REFUSED = frozenset(" ,;{}()\n\t=`")
_EXACT_DIGITS = 15
_FITTING: dict[type[T.DataType], set[str]] = {
    T.LongType: {"BIGINT"},
    T.DoubleType: {"BIGINT", "DECIMAL", "DOUBLE"},
    T.BooleanType: {"BOOLEAN"},
}
_NEW = {"BOOLEAN": T.BooleanType(), "BIGINT": T.LongType(), "DOUBLE": T.DoubleType()}

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """The struct that holds the table's fields as they are and the new ones, and what of a batch does not fit it.

    `added`: dotted paths of new fields. `rescued`: for each parent path the names whose text is rescued wherever they
    are. `checked`: paths whose text is rescued where the typed value is NULL. `is_whole`: rescue whole texts instead.
    """

    target: T.StructType
    added: tuple[str, ...] = ()
    rescued: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    checked: tuple[Path, ...] = ()
    is_whole: bool = False

    @property
    def fits(self) -> bool:
        """Nothing of the batch is left over."""
        return not (self.rescued or self.checked or self.is_whole)


def evolved(current: T.StructType, shape: Shape, *, max_new_fields: int) -> Evolution:
    """The evolution of `current` by objects of `shape`: no field is narrowed, retyped, renamed or dropped.

    A shape that is no object brings nothing. Fields come in the order given until `max_new_fields` are there, or
    MOST_FIELDS in all.
    """
    if not isinstance(shape, Object):
        return Evolution(target=current)
    merge = _Merge(left=min(max_new_fields, MOST_FIELDS - _fields_in(current)))
    target = merge.struct(current, shape, ())
    places = len(merge.checked) + sum(map(len, merge.rescued.values()))
    if places > MOST_RESCUED or any(not is_plain_path(path) for path in (*merge.checked, *merge.rescued)):
        return Evolution(target=target, added=tuple(merge.added), is_whole=True)
    return Evolution(
        target=target,
        added=tuple(merge.added),
        rescued={parent: tuple(names) for parent, names in merge.rescued.items()},
        checked=tuple(merge.checked),
    )


def _fields_in(kind: T.DataType) -> int:
    if isinstance(kind, T.ArrayType):
        return _fields_in(kind.elementType)
    return sum(1 + _fields_in(f.dataType) for f in kind.fields) if isinstance(kind, T.StructType) else 0


def as_spark_compares(name: str) -> str:
    """The name as Java's equalsIgnoreCase sees it, character by character: the long s is s, i without or with a dot is i."""
    return "".join(map(_folded, name))


def _folded(character: str) -> str:
    if character == "\u0130":
        return "i"
    upper = character.upper() if len(character.upper()) == 1 else character
    return upper.lower() if len(upper.lower()) == 1 else upper


def is_plain_path(path: Path) -> bool:
    """Whether a JSON path expression can name it."""
    return all(name and name != "*" and not set("'?") & set(name) for name in path)


class _Merge:
    """One walk over a struct and a shape; what it finds collects here."""

    def __init__(self, *, left: int) -> None:
        self.left = left
        self.added: list[str] = []
        self.rescued: dict[Path, list[str]] = {}
        self.checked: list[Path] = []

    def struct(self, current: T.StructType, shape: Object, path: Path) -> T.StructType:
        """The struct with the shape's fields taken in."""
        fields = {as_spark_compares(f.name): f for f in current.fields}
        for name, found in shape.fields.items():
            key = as_spark_compares(name)
            there = fields.get(key)
            if found == VOID:
                continue
            if there is None:
                kind = self._new_field(name, found, path)
                if kind is not None:
                    fields[key] = T.StructField(name, kind)
            elif there.name == name:
                fields[key] = T.StructField(name, self._known(there.dataType, found, (*path, name)))
            else:
                self._rescue(path, name)
        return T.StructType(list(fields.values()))

    def _known(self, kind: T.DataType, found: Shape, path: Path) -> T.DataType:
        if isinstance(kind, T.StringType):
            return kind
        if isinstance(kind, T.StructType) and isinstance(found, Object):
            return self.struct(kind, found, path)
        if isinstance(kind, T.ArrayType) and isinstance(found, Array):
            return T.ArrayType(self._element(kind.elementType, found.element, path))
        if isinstance(kind, (T.StructType, T.ArrayType)):
            self._rescue(path[:-1], path[-1])
        elif not (isinstance(found, Scalar) and found.kind in _FITTING.get(type(kind), set())):
            self.checked.append(path)
        return kind

    def _element(self, kind: T.DataType, found: Shape, path: Path) -> T.DataType:
        """The element's type; what does not fit within an array rescues the array's whole text."""
        if found == VOID:
            return kind
        within = _Merge(left=self.left)
        merged = within._known(kind, found, (*path, "[]"))
        self._take(within, path)
        return merged

    def _take(self, within: _Merge, path: Path) -> None:
        self.left = within.left
        self.added += within.added
        if within.rescued or within.checked:
            self._rescue(path[:-1], path[-1])

    def _new_field(self, name: str, found: Shape, path: Path) -> T.DataType | None:
        here = (*path, name)
        if self.left <= 0 or not _is_accepted(name):
            self._rescue(path, name)
            return None
        self.left -= 1
        within = _Merge(left=self.left)
        kind = within._new_type(found, here)
        if kind is None:
            self.left += 1
            self._rescue(path, name)
            return None
        self.left = within.left
        self.added += [".".join(here), *within.added]
        self.checked += within.checked
        for parent, names in within.rescued.items():
            self.rescued.setdefault(parent, []).extend(names)
        return kind

    def _new_type(self, found: Shape, path: Path) -> T.DataType | None:
        """The type for a new field; None where there is nothing in it that a column could be made of."""
        if isinstance(found, Object):
            struct = self.struct(T.StructType([]), found, path)
            return struct if struct.fields else None
        if isinstance(found, Array):
            within = _Merge(left=self.left)
            element = within._new_type(found.element, (*path, "[]"))
            self._take(within, path)
            return T.ArrayType(element) if element is not None else None
        return _scalar_type(found)

    def _rescue(self, parent: Path, name: str) -> None:
        names = self.rescued.setdefault(parent, [])
        if name not in names:
            names.append(name)


def _scalar_type(found: Scalar) -> T.DataType | None:
    if found == VOID:
        return None
    if found.kind == "DECIMAL":
        is_exact = found.precision - found.scale <= _EXACT_DIGITS
        return T.DoubleType() if is_exact else T.StringType()
    return _NEW.get(found.kind, T.StringType())


def _is_accepted(name: str) -> bool:
    has_control = any(ord(character) < ord(" ") for character in name)
    is_a_person = masked_text(name) != name  # a column's name outlives every row
    return 0 < len(name) <= _LONGEST_NAME and not (_REFUSED & set(name) or has_control or is_a_person)
