<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Writes boards by the PHP extension `pegel`.
 *
 * @internal
 */
final class ExtensionWriter implements WriterBackend
{
    /** Numbers of C. */
    private const FLAGS = ['REPLACE' => 1, 'WHOLE' => 2, 'CHECKSUM' => 8, 'DURABLE' => 16];
    private const NEWEST = 1;
    private const ACKNOWLEDGED = 2;

    public function __construct(private readonly Extension $extension)
    {
    }

    public function reading(): Extension
    {
        return $this->extension;
    }

    public function create(
        string $board,
        Schema $schema,
        int $slots,
        int $mode,
        array $flags,
        ?float $timeout,
    ): object {
        $chosen = self::FLAGS['WHOLE'];
        foreach (array_keys($flags, true, true) as $flag) {
            $chosen |= self::FLAGS[$flag];
        }
        return NativeWriter::create(
            $board,
            Extension::pack(array_values($schema->fields)),
            $schema->details(),
            Argument::u32($slots, 'slots'),
            Argument::u32($mode, 'mode'),
            $chosen,
            // To C, 0 leaves the choice to the library.
            Argument::nanoseconds($timeout) ?: 1,
        );
    }

    public function open(string $board, ?float $timeout): object
    {
        return NativeWriter::open($board, Argument::nanoseconds($timeout));
    }

    public function close(object $writer): void
    {
        $writer->close();
    }

    public function unlink(string $board): void
    {
        Native::unlink($board);
    }

    public function readerOf(object $writer): object
    {
        return $writer->reader();
    }

    public function publish(
        object $writer,
        string $record,
        int|string $present = Backend::ALL,
    ): int|string {
        return $writer->publish($record, $present);
    }

    public function publishIf(
        object $writer,
        int|string $expected,
        string $record,
        int|string $present,
    ): int|string {
        return $writer->publish($record, $present, self::NEWEST, $expected);
    }

    public function publishUnlessFull(
        object $writer,
        int|string $acknowledged,
        string $record,
        int|string $present,
    ): int|string {
        return $writer->publish($record, $present, self::ACKNOWLEDGED, $acknowledged);
    }

    public function sync(object $writer): int|string
    {
        return $writer->sync();
    }
}
