<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Reads boards by the PHP extension `pegel`, which needs no FFI.
 *
 * @internal
 */
final class Extension implements Backend
{
    /** The number of what this package and the extension expect of each other. */
    public const API = 1;

    /** Whether the extension fits this package. */
    public static function isFit(): bool
    {
        return Native::API === self::API;
    }

    /** Why this package does not use an extension that PHP has. */
    public static function misfit(): string
    {
        $version = (string) phpversion('pegel');
        if (!class_exists(Native::class, false)) {
            return "the extension pegel $version is off; set pegel.enable=1 in php.ini";
        }
        [$has, $needs] = [Native::API, self::API];
        return "the extension pegel $version has interface $has, and this package needs $needs; "
            . 'update the older one';
    }

    /**
     * As Loader::describe().
     *
     * @return array<string, mixed>
     */
    public function describe(bool $isPreloaded, ?string $library): array
    {
        return [
            'tier' => 'extension',
            'preloaded' => $isPreloaded,
            'reads' => true,
            'writes' => true,
            'library' => $library ?? Loader::SONAME,
            'version' => Native::version(),
            'abi' => Native::abi(),
            'advice' => [],
        ];
    }

    public function layout(array $fields): Schema
    {
        [$bytes, $size] = Native::layout(self::pack($fields));
        $placed = fn (Field $field, Field $placed): Field =>
            $field->with(size: $placed->size, offset: $placed->offset);
        return new Schema(array_map($placed, $fields, self::unpack($bytes)), $size);
    }

    public function openReader(string $board): object
    {
        return NativeReader::open($board);
    }

    public function openReaderAs(string $board, ?Schema $schema, bool $untrusted): object
    {
        $fields = array_values($schema?->fields ?? []);
        return NativeReader::openAs($board, self::pack($fields), $schema?->details(), $untrusted);
    }

    public function closeReader(object $reader): void
    {
        $reader->close();
    }

    public function schema(object $reader, string $board): Schema
    {
        $fields = self::unpack($reader->fields());
        [$description, $fields] = Details::decode($reader->details(), $fields, $board);
        return new Schema($fields, $this->info($reader)->recordSize, $description);
    }

    /** A process works the plan out once for each board that it keeps open. */
    public function plan(object $reader, string $board): array
    {
        $plan = explode("\n", (string) $reader->userData());
        if ($plan[0] !== Backend::VERSION) {
            $schema = $this->schema($reader, $board);
            $fields = array_values($schema->fields);
            $rows = array_map(fn (Field $field): array => $field->row(), $fields);
            $plan = Decoder::plan($rows, $schema->recordSize);
            $reader->setUserData(implode("\n", $plan));
        }
        return $plan;
    }

    public function info(object $reader): Info
    {
        return new Info(...$reader->info());
    }

    public function sequence(object $reader): int|string
    {
        return $reader->sequence();
    }

    public function writerAlive(object $reader): bool
    {
        return $reader->isWriterAlive();
    }

    public function read(object $reader, array $plan): string
    {
        return $reader->read();
    }

    public function readAt(object $reader, array $plan, int|string $sequence): string
    {
        return $reader->readAt($sequence);
    }

    public function readAfter(object $reader, array $plan, int|string $after): string
    {
        return $reader->readAfter($after);
    }

    public function wait(object $reader, int|string $after, ?float $timeout): int|string
    {
        return $reader->wait($after, Argument::nanoseconds($timeout));
    }

    /**
     * @param list<Field> $fields
     * @return string as C lays them out
     */
    public static function pack(array $fields): string
    {
        return implode('', array_map(fn (Field $field): string => $field->pack(), $fields));
    }

    /** @return list<Field> */
    private static function unpack(string $bytes): array
    {
        return array_map(Field::unpack(...), str_split($bytes, Field::BYTES));
    }
}
