<?php

declare(strict_types=1);

namespace Pegel;

/**
 * The JSON text by which a board tells of its fields: descriptions, labels, defaults and limits.
 *
 * @internal
 */
final class Details
{
    private const MEMBERS = ['label', 'description', 'default', 'min', 'max'];

    /** @param array<string, Field> $fields */
    public static function encode(string $description, array $fields): string
    {
        $told = [];
        foreach ($fields as $name => $field) {
            $members = self::members($field);
            if ($members !== '') {
                $told[] = json_encode((string) $name) . ":{{$members}}";
            }
        }
        if ($description === '' && $told === []) {
            return '';
        }
        $whole = self::json($description, 'description');
        return "{\"description\":$whole,\"fields\":{" . implode(',', $told) . '}}';
    }

    private static function members(Field $field): string
    {
        $members = [];
        foreach (self::MEMBERS as $member) {
            $value = $field->$member;
            if ($value !== null && $value !== '' || ($member === 'default' && $value === '')) {
                $members[] = "\"$member\":" . self::value($field, $member, $value);
            }
        }
        return implode(',', $members);
    }

    private static function value(Field $field, string $member, mixed $value): string
    {
        if (is_array($value)) {
            if (!array_is_list($value)) {
                throw new InvalidFields("the $member of field {$field->name} is a list, without keys");
            }
            $elements = array_map(fn (mixed $element): string => self::value($field, $member, $element), $value);
            return '[' . implode(',', $elements) . ']';
        }
        // A number beyond PHP's own stays one in JSON.
        $isNumber = $field->type === Type::U64 && in_array($member, ['default', 'min', 'max'], true);
        if ($isNumber && is_string($value) && preg_match('/^(0|[1-9][0-9]*)$/D', $value) === 1) {
            return $value;
        }
        return self::json($value, "$member of field {$field->name}");
    }

    private static function json(mixed $value, string $what): string
    {
        try {
            return Json::text($value);
        } catch (\JsonException $cause) {
            throw new InvalidFields("the $what cannot be told: {$cause->getMessage()}", $cause);
        }
    }

    /**
     * The board's description, and the fields with what is told of them.
     *
     * @param list<Field> $fields
     * @return array{string, list<Field>}
     */
    public static function decode(string $text, array $fields, string $board): array
    {
        if ($text === '') {
            return ['', $fields];
        }
        $told = Json::decode($text, $board);
        $members = array_flip(self::MEMBERS);
        $with = fn (Field $field): Field => $field->with(
            ...array_intersect_key($told['fields'][$field->name] ?? [], $members)
        );
        return [$told['description'] ?? '', array_map($with, $fields)];
    }
}
