<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Exception, Field, Gone, NotFound, Reader, Schema, Snapshot, Type, Unpublished, Writer};

/**
 * The station's boards, which boards.json describes for the pages and the daemon.
 *
 * The first program that needs a shared board creates it. The pages only read the others, which the
 * daemon, the launcher and the controller write.
 */
final class Boards
{
    private const SHARED_MODE = 0660;
    /** Seconds that a page waits for a board that another program has open. */
    private const TIMEOUT = 2.0;

    /** @var array<string, array<string, mixed>> */
    private array $descriptions;

    /** The newest record, or null if there is none or the board cannot be read. */
    public function newest(string $board): ?Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound | Unpublished | Gone) {
            return null;
        } catch (Exception $error) {
            // One damaged board must not make every page fail.
            error_log($error->getMessage());
            return null;
        }
    }

    /** @return list<Snapshot> the newest records, the newest first */
    public function last(string $board, int $count): array
    {
        try {
            return array_reverse(Reader::open($board)->last($count));
        } catch (NotFound | Unpublished | Gone) {
            return [];
        } catch (Exception $error) {
            error_log($error->getMessage());
            return [];
        }
    }

    /** The newest record of a shared board, which is created if it does not exist. */
    public function shared(string $board): Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound) {
            // Another program can create it at the same time; its defaults or values are kept.
            $names = ['slots' => true, 'durable' => true];
            $options = array_intersect_key($this->description($board), $names);
            $options += ['mode' => self::SHARED_MODE, 'timeout' => self::TIMEOUT];
            return Writer::create($board, $this->schema($board), ...$options)->read();
        }
    }

    /** Opens a shared board for writing. */
    public function writer(string $board): Writer
    {
        $this->shared($board);
        return Writer::open($board, timeout: self::TIMEOUT);
    }

    /**
     * Publishes a record that is based on a sequence, and syncs it.
     *
     * @param array<string, mixed> $record
     * @throws \Pegel\Conflict if there is a newer sequence
     */
    public function save(string $board, int $sequence, array $record): void
    {
        $writer = $this->writer($board);
        $writer->publishIf($sequence, $record);
        $writer->sync();
    }

    /** The fields of a shared board, read from the board itself. */
    public function fields(string $board): Schema
    {
        $this->shared($board);
        return Reader::open($board)->schema();
    }

    private function schema(string $board): Schema
    {
        $types = array_column(Type::cases(), null, 'name');
        $fields = [];
        foreach ($this->description($board)['fields'] as $name => $of) {
            $fields[$name] = new Field(...[...$of, 'type' => $types[ucfirst($of['type'])]]);
        }
        return Schema::of(...$fields)->describe($this->description($board)['description']);
    }

    /** @return array<string, mixed> */
    private function description(string $board): array
    {
        $this->descriptions ??= json_decode(
            file_get_contents(__DIR__ . '/../../boards.json'),
            associative: true,
            flags: JSON_THROW_ON_ERROR,
        );
        return $this->descriptions[$board];
    }
}
