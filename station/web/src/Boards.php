<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Exception, Field, Gone, NotFound, Reader, Schema, Snapshot, Type, Unpublished, Writer};

/**
 * The station's boards, as boards.json describes them for pages and daemon alike.
 *
 * Those that are written by turns are created by whoever comes first; the others belong to the daemon, the launcher and
 * the controller, and are read here.
 */
final class Boards
{
    private const BY_TURNS = 0660;
    /** How long a page waits for its turn. */
    private const PATIENCE = 2.0;

    /** @var array<string, array<string, mixed>> */
    private array $described;

    /** The newest record, or null when nobody published one yet, or the board cannot be read. */
    public function newest(string $board): ?Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound | Unpublished | Gone) {
            return null;
        } catch (Exception $error) {
            // One bad board must not make every page fail.
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

    /** The newest record of a board that is written by turns, which is created if it is not there. */
    public function byTurns(string $board): Snapshot
    {
        try {
            return Reader::open($board)->read();
        } catch (NotFound) {
            // Others may be creating it at this moment; then it has its defaults, or what they saved.
            $options = array_intersect_key($this->described($board), ['slots' => true, 'durable' => true]);
            $options += ['mode' => self::BY_TURNS, 'timeout' => self::PATIENCE];
            return Writer::create($board, $this->schema($board), ...$options)->read();
        }
    }

    /** A board that is written by turns, while this one's turn lasts. */
    public function turn(string $board): Writer
    {
        $this->byTurns($board);
        return Writer::open($board, timeout: self::PATIENCE);
    }

    /**
     * Publishes what was decided on top of a sequence; Conflict if there is a newer one. It is on the disk then.
     *
     * @param array<string, mixed> $record
     */
    public function save(string $board, int $sequence, array $record): void
    {
        $writer = $this->turn($board);
        $writer->publishIf($sequence, $record);
        $writer->sync();
    }

    /** The fields of a board that is there, as it tells them itself. */
    public function fields(string $board): Schema
    {
        $this->byTurns($board);
        return Reader::open($board)->schema();
    }

    private function schema(string $board): Schema
    {
        $types = array_column(Type::cases(), null, 'name');
        $fields = [];
        foreach ($this->described($board)['fields'] as $name => $of) {
            $fields[$name] = new Field(...[...$of, 'type' => $types[ucfirst($of['type'])]]);
        }
        return Schema::of(...$fields)->describe($this->described($board)['description']);
    }

    /** @return array<string, mixed> */
    private function described(string $board): array
    {
        $this->described ??= json_decode(
            file_get_contents(__DIR__ . '/../../boards.json'),
            associative: true,
            flags: JSON_THROW_ON_ERROR,
        );
        return $this->described[$board];
    }
}
