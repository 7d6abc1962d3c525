<?php

declare(strict_types=1);

namespace Pegel;

use FFI;
use FFI\CData;

/**
 * Fields, details and facts of boards by libpegel. A process needs them once for a board, so that
 * most pages do not load this class.
 *
 * @internal
 */
final class LibraryBoards
{
    public function __construct(private readonly Library $library)
    {
    }

    public function layout(array $fields): Schema
    {
        $c = $this->library->whole();
        $entries = $this->fields($fields);
        $size = $c->new('size_t');
        $this->library->check(
            fn (): int => $c->pegel_layout($entries, count($fields), FFI::addr($size))
        );
        $placed = fn (Field $field, Field $placed): Field =>
            $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($placed, $fields, self::unpack($entries)), $size->cdata);
    }

    public function schema(object $reader, string $board): Schema
    {
        $fields = self::unpack($this->entries($reader));
        [$description, $fields] = Details::decode($this->details($reader), $fields, $board);
        return new Schema($fields, $this->infoOf($reader)->record_size, $description);
    }

    private function entries(CData $reader): CData
    {
        [$c, $own] = $this->library->bound($reader);
        $count = $c->new('size_t[1]');
        $this->library->check(fn (): int => $c->pegel_reader_fields($own, null, 0, $count));
        $entries = $c->new("pegel_field[{$count[0]}]");
        $this->library->check(
            fn (): int => $c->pegel_reader_fields($own, $entries, $count[0], $count)
        );
        return $entries;
    }

    private function details(CData $reader): string
    {
        [$c, $own] = $this->library->bound($reader);
        $length = $c->new('size_t[1]');
        $this->library->check(fn (): int => $c->pegel_reader_details($own, null, 0, $length));
        $capacity = $length[0] + 1;
        if ($capacity === 1) {
            return '';
        }
        $text = $c->new("char[$capacity]");
        $this->library->check(
            fn (): int => $c->pegel_reader_details($own, $text, $capacity, $length)
        );
        return FFI::string($text, $length[0]);
    }

    public function info(object $reader): Info
    {
        [$c, $info] = [$this->library->whole(), $this->infoOf($reader)];
        return new Info(
            $info->record_size,
            $info->slots,
            sprintf('%016x', $info->schema_hash),
            $info->generation,
            $info->mode,
            sprintf('%016x', $info->lineage),
            ($info->flags & $c->PEGEL_CHECKSUM) !== 0,
            ($info->flags & $c->PEGEL_DURABLE) !== 0,
            ($info->flags & $c->PEGEL_MIRROR) !== 0,
        );
    }

    private function infoOf(CData $reader): CData
    {
        [$c, $own] = $this->library->bound($reader);
        $info = $c->new('pegel_info');
        $info->size = FFI::sizeof($info);
        $this->library->check(fn (): int => $c->pegel_reader_info($own, FFI::addr($info)));
        return $info;
    }

    /** @param list<Field> $fields */
    public function fields(array $fields): CData
    {
        $count = count($fields);
        $entries = $this->library->whole()->new("pegel_field[$count]");
        $bytes = implode('', array_map(fn (Field $field): string => $field->pack(), $fields));
        FFI::memcpy($entries, $bytes, strlen($bytes));
        return $entries;
    }

    /** @return list<Field> */
    private static function unpack(CData $entries): array
    {
        $bytes = str_split(FFI::string($entries, FFI::sizeof($entries)), Field::BYTES);
        return array_map(Field::unpack(...), $bytes);
    }
}
