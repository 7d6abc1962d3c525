"""Records as classes."""

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Optional, get_origin

from ._pegel import Field, Schema

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: bool) -> Callable[[type], type]:
        return lambda decorated: decorated


_NEEDED = object()


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record:
    """A record of a board as a class, derived from this, with the fields as annotations.

    Instances are immutable dataclasses, made with keyword arguments. A value assigned in the class
    is the field's default, None makes it optional, and the docstring is the board's description.
    """

    __pegel_schema__: ClassVar[Schema]
    # Every field's default, or that it needs a value.
    __pegel_values__: ClassVar["dict[str, Any]"] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherited = getattr(cls, "__pegel_schema__", None)
        fields: dict[str, Field] = inherited.fields if inherited else {}
        for name, annotation in _annotations(cls).items():
            if field := _field(annotation):
                fields[name] = _with_default(field, vars(cls).get(name, _NEEDED))
            elif get_origin(annotation) is not ClassVar:
                raise TypeError(
                    f"{cls.__name__}.{name} is not a field; annotate it as in "
                    f"{name}: Annotated[float, pegel.f64()]"
                )
        if fields:
            description = inspect.cleandoc(cls.__doc__ or "")
            cls.__pegel_schema__ = Schema(cls.__name__, fields, description)
            # As a reader of the board gets them.
            fields = cls.__pegel_schema__.fields
        cls.__pegel_values__ = {
            name: _NEEDED if field.default is None and not field.optional else field.default
            for name, field in fields.items()
        }
        dataclass(frozen=True, init=False)(cls)

    def __init__(self, /, **values: Any) -> None:
        record, fields = type(self).__name__, self.__pegel_values__
        values = {**fields, **values}
        if unknown := [name for name in values if name not in fields]:
            names = ", ".join(fields)
            raise TypeError(f"{record} has no field {', '.join(unknown)}, only {names}")
        if missing := [name for name, value in values.items() if value is _NEEDED]:
            raise TypeError(f"{record} needs {', '.join(missing)}")
        vars(self).update(values)


def _annotations(cls: type) -> "dict[str, Any]":
    if sys.version_info >= (3, 10):
        return inspect.get_annotations(cls, eval_str=True)
    names = vars(sys.modules[cls.__module__])
    annotations = vars(cls).get("__annotations__", {})
    return {
        name: eval(annotation, names) if isinstance(annotation, str) else annotation
        for name, annotation in annotations.items()
    }


def _field(annotation: Any) -> Optional[Field]:
    parts = (annotation, *getattr(annotation, "__metadata__", ()))
    return next((field for field in parts if isinstance(field, Field)), None)


def _with_default(field: Field, value: Any) -> Field:
    if value is _NEEDED:
        return field
    return Field(
        field.type,
        field.unit,
        size=field.size,
        count=field.count,
        optional=field.optional or value is None,
        default=field.default if value is None else value,
        min=field.min,
        max=field.max,
        label=field.label,
        description=field.description,
    )
