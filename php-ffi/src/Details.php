<?php

declare(strict_types=1);

namespace Pegel;

/**
 * The JSON text in a board that describes its fields: descriptions, labels, defaults and limits.
 *
 * @internal
 */
final class Details
{
    private const MEMBERS = ['label', 'description', 'default', 'min', 'max'];

    /** @param array<string, Field> $fields */
    public static function encode(string $description, array $fields): string
    {
        $entries = [];
        foreach ($fields as $name => $field) {
            $members = self::members($field);
            if ($members !== '') {
                $entries[] = json_encode((string) $name) . ":{{$members}}";
            }
        }
        if ($description === '' && $entries === []) {
            return '';
        }
        $text = self::json($description, 'description');
        return "{\"description\":$text,\"fields\":{" . implode(',', $entries) . '}}';
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
                throw new InvalidFields(
                    "field {$field->name}: the $member must be a list, without keys"
                );
            }
            $elements = array_map(
                fn (mixed $element): string => self::value($field, $member, $element),
                $value
            );
            return '[' . implode(',', $elements) . ']';
        }
        // A string of digits is a number in JSON.
        $isNumber = $field->type->isInteger() && is_string($field->type->range()[1])
            && in_array($member, ['default', 'min', 'max'], true);
        if ($isNumber && is_string($value) && preg_match('/^(0|-?[1-9][0-9]*)$/D', $value) === 1) {
            return $value;
        }
        return self::json($value, "$member of field {$field->name}");
    }

    private static function json(mixed $value, string $what): string
    {
        try {
            return Json::text($value);
        } catch (\JsonException $cause) {
            throw new InvalidFields("the $what cannot be JSON: {$cause->getMessage()}", $cause);
        }
    }

    /**
     * The board's description, and the fields with their details.
     *
     * @param list<Field> $fields
     * @return array{string, list<Field>}
     */
    public static function decode(string $text, array $fields, string $board): array
    {
        if ($text === '') {
            return ['', $fields];
        }
        $details = Json::decode($text, $board);
        $members = array_flip(self::MEMBERS);
        $with = fn (Field $field): Field => $field->with(
            ...array_intersect_key($details['fields'][$field->name] ?? [], $members)
        );
        return [$details['description'] ?? '', array_map($with, $fields)];
    }
}
