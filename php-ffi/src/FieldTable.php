<?php

declare(strict_types=1);

namespace Pegel;

/**
 * The fields of a board as the rows of a pegel_field, placed into a record.
 *
 * @internal
 */
final class FieldTable
{
    /**
     * The fields with the offsets that C would give them in a struct, and its size.
     *
     * @param list<array<string, int|string>> $rows
     * @return array{list<array<string, int|string>>, int}
     */
    public static function place(array $rows): array
    {
        // One call for all names, as each call costs a page.
        $names = array_column($rows, 'name');
        foreach (preg_grep('/^[A-Za-z_][A-Za-z0-9_]*$/D', $names, PREG_GREP_INVERT) as $name) {
            throw new InvalidFields(
                "field \"$name\": the name must be an identifier. Use letters, digits and _, a "
                . 'letter first.'
            );
        }
        [$end, $alignment] = [0, 1];
        $placed = [];
        foreach ($rows as $row) {
            ['name' => $name, 'type' => $kind, 'size' => $size, 'count' => $count] = $row;
            $type = $kind & ~Decoder::OPTIONAL;
            if ($type === 0 || $type >= strlen(Decoder::LETTERS)) {
                throw Field::unknown($name, $type);
            }
            if (isset($placed[$name])) {
                throw new InvalidFields("two fields are called $name");
            }
            $isOnly = count($rows) === 1 && $count <= 1 && $kind === $type;
            if (isset(Decoder::DOCUMENTS[$type]) && !$isOnly) {
                throw new InvalidFields(
                    "field $name: a document must be the only field of its board"
                );
            }
            $fixed = Decoder::SIZES[$type] ?? null;
            $size = $size ?: ($fixed ?? 0);
            if ($size < 1 || $count < 1 || ($fixed !== null && $size !== $fixed)) {
                $label = Type::from($type)->label();
                throw new InvalidFields("field $name: $label needs a size in bytes");
            }
            $step = $fixed ?? 1;
            $offset = intdiv($end + $step - 1, $step) * $step;
            if ($row['offset'] !== 0 && $row['offset'] !== $offset) {
                throw new InvalidFields(
                    "field $name: the offset must be $offset (got {$row['offset']})"
                );
            }
            [$end, $alignment] = [$offset + $size * $count, max($alignment, $step)];
            $placed[$name] = ['size' => $size, 'offset' => $offset] + $row;
        }
        return [array_values($placed), intdiv($end + $alignment - 1, $alignment) * $alignment];
    }
}
