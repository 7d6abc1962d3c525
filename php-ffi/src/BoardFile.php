<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A board's file as docs/format.md describes it, read without the library, for Files.
 *
 * PHP cannot map memory, so each access is a system call. These see the writer's stores in the
 * order in which the calls are made; where a processor might not keep to that, a board's checksums
 * detect it.
 *
 * @internal
 */
final class BoardFile
{
    private const HEADER = 'a8magic/Lversion/Lorder/a8size/Lcontrol/Lslots/LslotCount/LslotSize'
        . '/LrecordSize/Lfields/a8hash/a8base/Ldetails/Lflags/a8lineage/Lchecksum/a44zero';
    private const HEADER_SIZE = 128;
    private const FIELD = 64;

    /** Bytes of the header that its checksum covers. */
    private const HEADER_CHECKED = 80;
    private const MAGIC = "PEGEL\x1a\r\n";
    private const VERSION = 2;
    private const ORDER = 0x01020304;
    private const CHECKSUMS = 1;
    private const DURABLE = 2;
    private const MIRROR = 4;

    private const MAX_FIELDS = 4096;
    private const MAX_DETAILS = 1 << 20;
    private const MAX_SLOTS = 1 << 16;

    private const CONTROL_SIZE = 128;
    private const GENERATION = 64;

    /** Most boards have everything up to their slots within so many bytes. */
    private const START = 4096;

    /** Bytes of a stamp, and of its part that a checksum covers. */
    private const STAMP = 48;
    private const CHECKED = 44;
    private const STAMP_WORDS = 'a8since_boot/a8wall_offset/a8boot/a8generation/a8present/Llength'
        . '/Lchecksum';

    /** Nanoseconds between two checks whether the file still exists. */
    private const INTERVAL = 1_000_000_000;

    /** @var list<array<string, int|string>> The fields as those of pegel_field. */
    public readonly array $rows;
    /** Bytes of a record; a document's capacity. */
    public readonly int $recordSize;
    public readonly bool $isDocument;
    public readonly int $slots;
    /** Words of the header. */
    public readonly string $hash;
    public readonly string $lineage;
    public readonly bool $hasChecksums;
    public readonly bool $isDurable;
    public readonly bool $isMirror;
    /** The sequence before this file's first. */
    public readonly int|float $base;

    /** For a program with a schema of its own. */
    public ?BoardView $view = null;

    private ?Schema $schema = null;
    /** When the file existed for the last time, by hrtime(). */
    private int|float $looked;
    private readonly string $details;
    private readonly int $control;
    private readonly int $ring;
    private readonly int $slotSize;

    /**
     * @param resource $file
     * @param array<int|string, int> $status what fstat() returns of the file
     */
    private function __construct(
        public readonly string $board,
        public readonly string $path,
        private $file,
        public readonly array $status,
    ) {
        $this->looked = hrtime(true);
    }

    public static function open(string $board, bool $untrusted): self
    {
        $path = BoardPath::of($board);
        $opened = new self($path->name, $path->path, ...$path->open($untrusted));
        $opened->readStart();
        return $opened;
    }

    private function damaged(string $reason): Corrupt
    {
        $remedy = 'Remove it, or replace it by creating it anew.';
        return new Corrupt("{$this->path} is not a valid board: $reason. $remedy");
    }

    private function readStart(): void
    {
        $size = $this->status['size'];
        $start = $this->bytes(0, min($size, self::START));
        if (strlen($start) < self::HEADER_SIZE) {
            throw $this->damaged("its $size bytes are too few");
        }
        $header = unpack(self::HEADER, $start);
        $this->checkKind($header);
        [$fields, $details] = [$header['fields'], $header['details']];
        $hasDetails = $details >= 0 && $details <= self::MAX_DETAILS;
        if ($fields < 1 || $fields > self::MAX_FIELDS || !$hasDetails) {
            throw $this->damaged("its header has $fields fields and $details bytes of details");
        }
        $end = self::HEADER_SIZE + $fields * self::FIELD;
        if ($end + $details > $size) {
            throw $this->damaged("its $size bytes are too few");
        }
        if ($end + $details > strlen($start)) {
            $start .= $this->bytes(strlen($start), $end + $details - strlen($start));
        }
        $table = substr($start, self::HEADER_SIZE, $fields * self::FIELD);
        $this->details = substr($start, $end, $details);
        [$this->rows, $this->recordSize] = $this->fields($table);
        $this->isDocument = isset(Decoder::DOCUMENTS[$this->rows[0]['type']]);
        $this->checkLayout($header, $table);
        $isChecked = ($header['flags'] & self::CHECKSUMS) !== 0;
        $covered = substr($start, 0, self::HEADER_CHECKED) . $table . $this->details;
        if ($header['checksum'] !== ($isChecked ? crc32($covered) : 0)) {
            throw $this->damaged('the checksum of its header is wrong');
        }
        if ($details !== 0) {
            $this->schema();
        }
        $this->slots = $header['slotCount'];
        $this->slotSize = $header['slotSize'];
        $this->control = $header['control'];
        $this->ring = $header['slots'];
        $this->base = Word::real(Word::at($header['base'], 0, true));
        $this->hasChecksums = ($header['flags'] & self::CHECKSUMS) !== 0;
        $this->isDurable = ($header['flags'] & self::DURABLE) !== 0;
        $this->isMirror = ($header['flags'] & self::MIRROR) !== 0;
        [$this->hash, $this->lineage] = [$header['hash'], $header['lineage']];
        // For most boards, it was read with the rest.
        $isRead = $this->control + 8 <= strlen($start);
        $head = $isRead ? substr($start, $this->control, 8) : $this->head();
        if (self::sequenceOf($head) < $this->base) {
            throw $this->damaged('its sequence is below its first');
        }
    }

    /** @param array<string, mixed> $header */
    private function checkKind(array $header): void
    {
        if ($header['magic'] !== self::MAGIC) {
            throw $this->damaged('it is not a Pegel board');
        }
        if ($header['order'] !== self::ORDER) {
            throw new Unsupported("{$this->path} was made on a machine of the other byte order");
        }
        if ($header['version'] !== self::VERSION) {
            $known = self::VERSION;
            throw new Unsupported(
                "{$this->path} has layout version {$header['version']}, but this Pegel reads "
                . "$known. Use the same version of Pegel for all programs that share it."
            );
        }
        if (($header['flags'] & ~(self::CHECKSUMS | self::DURABLE | self::MIRROR)) !== 0) {
            $flags = dechex($header['flags']);
            throw new Unsupported(
                "{$this->path} has flags 0x$flags that this Pegel does not know. Use a later "
                . 'version.'
            );
        }
    }

    /** The fields with their details. */
    public function schema(): Schema
    {
        return $this->schema ??= $this->intact(function (): Schema {
            $fields = array_map(Field::ofRow(...), $this->rows);
            [$description, $fields] = Details::decode($this->details, $fields, $this->board);
            return new Schema($fields, $this->recordSize, $description);
        });
    }

    /** @return array{list<array<string, int|string>>, int} */
    private function fields(string $table): array
    {
        [$rows, $words] = [[], []];
        for ($at = 0; $at < strlen($table); $at += self::FIELD) {
            $rows[] = $row = unpack('Z32name/Z16unit/Ltype/Lsize/Lcount/Loffset', $table, $at);
            array_push($words, ...array_values($row));
        }
        if (pack(str_repeat('a31xa15xL4', count($rows)), ...$words) !== $table) {
            throw $this->damaged('invalid fields: a name or a unit is not padded with NULs');
        }
        $placed = $this->intact(fn (): array => FieldTable::place($rows));
        // A program may leave sizes and offsets out; a file has them.
        if ($placed[0] != $rows) {
            throw $this->damaged('invalid fields: a size or an offset is 0');
        }
        if (preg_match('//u', implode(array_column($rows, 'unit'))) !== 1) {
            throw $this->damaged('invalid fields: a unit is not UTF-8');
        }
        return $placed;
    }

    private function intact(callable $do): mixed
    {
        try {
            return $do();
        } catch (InvalidFields | Unsupported | \TypeError | \ValueError $cause) {
            throw $this->damaged("invalid fields: {$cause->getMessage()}");
        }
    }

    /**
     * Checks that the header follows from the fields.
     *
     * @param array<string, mixed> $header
     */
    private function checkLayout(array $header, string $table): void
    {
        $slots = $header['slotCount'];
        if ($slots < 4 || $slots > self::MAX_SLOTS || ($slots & ($slots - 1)) !== 0) {
            throw $this->damaged('its sizes are impossible');
        }
        $size = $this->recordSize;
        $slotSize = ((($size + 7) & ~7) + self::STAMP + 63) & ~63;
        $control = (self::HEADER_SIZE + strlen($table) + $header['details'] + 63) & ~63;
        $ring = $control + self::CONTROL_SIZE;
        $header['size'] = Word::at($header['size']);
        $expected = [
            'size' => $ring + $slots * $slotSize,
            'control' => $control,
            'slots' => $ring,
            'slotSize' => $slotSize,
            'recordSize' => $size,
            'hash' => Word::bigEndian(hash('fnv1a64', $table, true)),
            'zero' => str_repeat("\0", 44),
        ];
        foreach ($expected as $name => $value) {
            if ($header[$name] !== $value) {
                throw $this->damaged('its header contradicts its fields');
            }
        }
        if ($this->status['size'] !== $expected['size']) {
            throw $this->damaged(
                "it has {$this->status['size']} bytes instead of {$expected['size']}"
            );
        }
    }

    /** The digits of a word of the header, such as its hash. */
    public static function hexadecimal(string $word): string
    {
        return bin2hex(Word::bigEndian($word));
    }

    /** The commit word: the newest sequence, and whether the board is gone. */
    public function head(): string
    {
        return $this->bytes($this->control, 8);
    }

    public static function sequenceOf(string $head): int|float
    {
        return Word::FITS
            ? (unpack('q', $head)[1] >> 1) & PHP_INT_MAX
            : Word::real(floor(Word::at($head) / 2));
    }

    public static function isMarkedGone(string $head): bool
    {
        return Word::has($head, 0);
    }

    /** How many writers have opened the board. */
    public function generation(): int|string
    {
        return Word::at($this->bytes($this->control + self::GENERATION, 8));
    }

    /**
     * A record and the words of its stamp, which are consistent only if the writer has not reached
     * the slot meanwhile; null if its checksum is wrong.
     *
     * @return array{string, array<string, int|string>}|null
     */
    public function slot(int|float $sequence): ?array
    {
        $place = is_int($sequence)
            ? $sequence & ($this->slots - 1)
            : (int) fmod($sequence, $this->slots);
        $slot = $this->ring + $place * $this->slotSize;
        $end = ($this->recordSize + 7) & ~7;
        // Most documents are far shorter than their capacity.
        $whole = $this->isDocument
            ? $this->bytes($slot + $end, self::STAMP)
            : $this->bytes($slot, $end + self::STAMP);
        $stamp = $this->isDocument ? $whole : substr($whole, $end);
        $words = unpack(self::STAMP_WORDS, $stamp);
        $length = $words['length'];
        if ($length < 0 || $length > $this->recordSize) {
            return ['', $words];
        }
        $record = $this->isDocument ? $this->bytes($slot, $length) : substr($whole, 0, $length);
        if ($this->hasChecksums) {
            $checked = $record . substr($stamp, 0, self::CHECKED) . Word::of($sequence);
            return crc32($checked) === $words['checksum'] ? [$record, $words] : null;
        }
        return [$record, $words];
    }

    private function bytes(int $offset, int $length): string
    {
        if ($length === 0) {
            return '';
        }
        fseek($this->file, $offset);
        $bytes = (string) fread($this->file, $length);
        if (strlen($bytes) !== $length) {
            throw $this->damaged('the file is truncated');
        }
        return $bytes;
    }

    /** Whether the board's name still refers to this file. */
    public function isCurrent(): bool
    {
        clearstatcache();
        [$now] = BoardPath::attempt(fn(): array|false => lstat($this->path));
        return $now !== false
            && [$now['dev'], $now['ino']] === [$this->status['dev'], $this->status['ino']];
    }

    /** Whether the file has no name any more. */
    public function isRemoved(): bool
    {
        return fstat($this->file)['nlink'] === 0;
    }

    /** The same, checked once a second. */
    public function isFoundRemoved(): bool
    {
        $now = hrtime(true);
        if ($now - $this->looked < self::INTERVAL) {
            return false;
        }
        if ($this->isRemoved()) {
            return true;
        }
        $this->looked = $now;
        return false;
    }

    public function close(): void
    {
        if (is_resource($this->file)) {
            fclose($this->file);
        }
    }
}
