<?php

declare(strict_types=1);

namespace Pegel;

use Error;
use ReflectionAttribute;
use ReflectionClass;
use ReflectionNamedType;
use ReflectionProperty;

/**
 * Maps fields of a board to properties of a class by their attribute #[Field].
 *
 * @internal
 * @template T of object
 */
final class Mapping
{
    /** @var array<class-string, self> */
    private static array $known = [];

    /** @var array<string, true> The properties that the constructor sets. */
    private array $parameters = [];

    /**
     * @param class-string<T> $class
     * @param array<string, Field> $fields by their properties
     */
    private function __construct(private readonly string $class, private readonly array $fields)
    {
        $constructor = (new ReflectionClass($class))->getConstructor();
        foreach ($constructor?->getParameters() ?? [] as $parameter) {
            if (isset($fields[$parameter->getName()])) {
                $this->parameters[$parameter->getName()] = true;
            }
        }
    }

    /**
     * @param class-string<T> $class
     * @return self<T>
     */
    public static function of(string $class): self
    {
        return self::$known[$class] ??= self::find($class);
    }

    private static function find(string $class): self
    {
        if (!class_exists($class)) {
            throw new InvalidArgument("class $class does not exist");
        }
        $fields = [];
        $properties = (new ReflectionClass($class))->getProperties(ReflectionProperty::IS_PUBLIC);
        foreach ($properties as $property) {
            $attribute = $property->getAttributes(Field::class)[0] ?? null;
            if ($attribute !== null && !$property->isStatic()) {
                $fields[$property->getName()] = self::field($property, $attribute);
            }
        }
        return $fields !== [] ? new self($class, $fields) : throw new InvalidFields(
            "class $class: no public property has the attribute #[Pegel\Field]"
        );
    }

    /** @param ReflectionAttribute<Field> $attribute */
    private static function field(
        ReflectionProperty $property,
        ReflectionAttribute $attribute,
    ): Field {
        try {
            $field = $attribute->newInstance();
        } catch (Error $cause) {
            throw self::refused($property, "invalid attribute: {$cause->getMessage()}");
        }
        $given = $attribute->getArguments();
        $isTyped = isset($given['type']) || isset($given[0]);
        $hint = $property->getType();
        if ($hint instanceof ReflectionNamedType && !$hint->isBuiltin()) {
            $class = $hint->getName();
            throw self::refused(
                $property,
                "its type must be a number, bool, string or array (got $class)"
            );
        }
        $type = match (true) {
            $isTyped => $field->type,
            !$hint instanceof ReflectionNamedType => null,
            default => match ($hint->getName()) {
                'bool' => Type::Bool,
                'int' => Type::I64,
                'float' => Type::F64,
                'string' => Type::Text,
                default => null,
            },
        };
        if ($type === null || $type->isDocument()) {
            throw self::refused(
                $property,
                'its attribute must name the type of a field, as in #[Field(Type::U16)]'
            );
        }
        if ($type === Type::Text && $field->size === 0) {
            throw self::refused(
                $property,
                'a text must have a size in bytes, as in #[Field(size: 24)]'
            );
        }
        return $field->with(
            type: $type,
            name: $field->name !== '' ? $field->name : $property->getName(),
            optional: $field->optional || ($hint?->allowsNull() ?? false),
            default: $field->default ?? self::default($property),
        );
    }

    private static function refused(ReflectionProperty $property, string $reason): InvalidFields
    {
        return new InvalidFields("property {$property->class}::\${$property->getName()}: $reason");
    }

    private static function default(ReflectionProperty $property): mixed
    {
        if (!$property->isPromoted()) {
            return $property->getDefaultValue();
        }
        foreach ($property->getDeclaringClass()->getConstructor()->getParameters() as $parameter) {
            $isIts = $parameter->getName() === $property->getName();
            if ($isIts && $parameter->isDefaultValueAvailable()) {
                return $parameter->getDefaultValue();
            }
        }
        return null;
    }

    /** @return list<Field> */
    public function fields(): array
    {
        return array_values($this->fields);
    }

    /** Throws InvalidFields if a board lacks fields of the class, or has them in other units. */
    public function check(Schema $schema, string $board): void
    {
        foreach ($this->fields as $property => $wanted) {
            $field = $schema->fields[$wanted->name] ?? null;
            $difference = match (true) {
                $field === null => "no field {$wanted->name} for {$this->class}::\$$property",
                $wanted->unit !== '' && $wanted->unit !== $field->unit =>
                    "field {$field->name} in \"{$field->unit}\", and {$this->class}::\$$property "
                    . 'needs '
                    . "\"{$wanted->unit}\"",
                default => null,
            };
            if ($difference !== null) {
                throw new InvalidFields(
                    "board $board has $difference. Generate a class with `pegel gen php $board`"
                );
            }
        }
    }

    /**
     * An object of the class. The constructor gets its parameters; the other properties are set.
     *
     * @param array<string, mixed> $values of a record
     * @return T
     */
    public function make(array $values, string $board): object
    {
        [$taken, $set] = [[], []];
        foreach ($this->fields as $property => $field) {
            if (isset($this->parameters[$property])) {
                $taken[$property] = $values[$field->name];
            } else {
                $set[$property] = $values[$field->name];
            }
        }
        try {
            $made = new $this->class(...$taken);
            foreach ($set as $property => $value) {
                // In the scope of the class that declares the property, which may set a readonly
                // one.
                $declared = (new ReflectionProperty($made, $property))->class;
                (new ReflectionProperty($declared, $property))->setValue($made, $value);
            }
            return $made;
        } catch (Error $cause) {
            throw new InvalidFields(
                "board $board: its record does not fit {$this->class}: {$cause->getMessage()}",
                $cause
            );
        }
    }

    /**
     * The record of an object.
     *
     * @return array<string, mixed>
     */
    public function values(object $object): array
    {
        $values = [];
        foreach ($this->fields as $property => $field) {
            try {
                $values[$field->name] = $object->$property;
            } catch (Error $cause) {
                throw new InvalidFields($cause->getMessage(), $cause);
            }
        }
        return $values;
    }
}
