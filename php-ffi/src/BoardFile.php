<?php

declare(strict_types=1);

namespace Pegel;

/**
 * A board's file as docs/format.md tells it, read without the library. Files has what is done with it.
 *
 * PHP cannot map memory, so each look is a system call. These look at the same bytes as the writer's mapping, in the
 * order in which they are made; where a processor might not keep to that, a board's checksums tell.
 *
 * @internal
 */
final class BoardFile
{
    private const HEADER = 'a8magic/Lversion/Lorder/qsize/Lcontrol/Lslots/LslotCount/LslotSize/LrecordSize/Lfields'
        . '/a8hash/qbase/Ldetails/Lflags/a8lineage/Lchecksum/a44zero';
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

    /** Nanoseconds from look to look whether the file is still there. */
    private const GLANCE = 1_000_000_000;

    /** Bits of a mode (man 7 inode). */
    private const KIND = 0170000;
    private const LINK = 0120000;
    private const REGULAR = 0100000;

    private const STRANGER = 'everybody may create files there, and it belongs to a stranger (user %d); share a group '
        . 'with its owner, or keep the board in a directory that only you share';

    /** @var list<array<string, int|string>> The fields as those of pegel_field. */
    public readonly array $rows;
    /** Bytes of a record; a document's capacity. */
    public readonly int $recordSize;
    public readonly bool $isDocument;
    public readonly int $slots;
    /** Words, as they stand in the header. */
    public readonly string $hash;
    public readonly string $lineage;
    public readonly bool $hasChecksums;
    public readonly bool $isDurable;
    public readonly bool $isMirror;
    /** The sequence before this file's first. */
    public readonly int $base;
    /** @var array<int|string, int> What fstat() said. */
    public readonly array $status;

    /** For a program that was made for certain fields. */
    public ?BoardView $view = null;

    private ?Schema $schema = null;
    /** By hrtime(), when it was there the last time. */
    private int $looked = 0;
    private readonly string $details;
    private readonly int $control;
    private readonly int $ring;
    private readonly int $slotSize;

    /** @param resource $file */
    private function __construct(
        public readonly string $board,
        public readonly string $path,
        private $file,
    ) {
        $this->status = fstat($file);
    }

    /** Opens NAME in the directory $PEGEL_DIR, else in /dev/shm; or DIRECTORY/NAME. */
    public static function open(string $board, bool $untrusted): self
    {
        [$name, $path] = self::place($board);
        clearstatcache();
        $found = @lstat($path);
        if ($found === false) {
            self::failed($name, $path);
        }
        $kind = $found['mode'] & self::KIND;
        if ($kind === self::LINK) {
            throw new Untrusted("cannot open $path: it is a symbolic link, which is never followed");
        }
        if ($kind !== self::REGULAR) {
            throw self::untrusted($path, 'it is no regular file; remove it');
        }
        $file = @fopen($path, 'rb');
        if ($file === false) {
            self::failed($name, $path);
        }
        $opened = new self($name, $path, $file);
        if (!$opened->isSame($found)) {
            throw self::changed($path);
        }
        stream_set_read_buffer($file, 0);
        if (!$untrusted) {
            $opened->checkTrust();
        }
        $opened->readStart();
        return $opened;
    }

    /** @return array{string, string} its name and its path */
    private static function place(string $board): array
    {
        $slash = strrpos($board, '/');
        $name = $slash === false ? $board : substr($board, $slash + 1);
        $fault = match (true) {
            $name === '' => 'it is empty',
            strlen($name) > 64 => 'it is longer than 64 characters',
            preg_match('/^[a-z0-9._-]+$/D', $name) !== 1
                => 'only a-z, 0-9, dot, underscore and hyphen are allowed',
            str_ends_with($name, '.lock') => 'names ending in .lock are those of lock files',
            str_contains($board, "\0") => 'it has a NUL',
            default => null,
        };
        if ($fault !== null) {
            throw new InvalidArgument(json_encode($board) . " is no name of a board: $fault");
        }
        $directory = $slash === false ? (string) getenv('PEGEL_DIR') : substr($board, 0, $slash + 1);
        return [$name, rtrim($directory === '' ? '/dev/shm' : $directory, '/') . "/pegel.$name"];
    }

    /** @return array{mixed, string} what it gave, and what PHP warned of */
    private static function attempt(callable $do): array
    {
        $reason = '';
        set_error_handler(static function (int $_, string $warning) use (&$reason): bool {
            $reason .= ($reason === '' ? '' : '; ') . $warning;
            return true;
        });
        try {
            return [$do(), $reason];
        } finally {
            restore_error_handler();
        }
    }

    private static function failed(string $name, string $path): never
    {
        // Which says why, as lstat() does not.
        [$file, $reason] = self::attempt(fn (): mixed => fopen($path, 'rb'));
        if (str_contains($reason, 'open_basedir')) {
            $directory = dirname($path);
            throw new Denied(
                "cannot open $path: PHP's open_basedir leaves it out; add $directory to it, or enable FFI"
            );
        }
        if (str_contains($reason, 'Permission denied')) {
            throw new Denied("cannot open $path: Permission denied; see its owner, group and mode with `ls -l`");
        }
        if (str_contains($reason, 'No such file') && !is_file(dirname($path))) {
            $directory = dirname($path);
            throw new NotFound(is_dir($directory)
                ? "no board $name: $path does not exist; has its writer ever run?"
                : "cannot look for a board in $directory: No such file or directory; make the directory, or mount it "
                    . 'where this process is in a chroot or a container');
        }
        throw $file !== false ? self::changed($path) : new System("cannot open $path: $reason");
    }

    private static function untrusted(string $path, string $reason): Untrusted
    {
        return new Untrusted("$path is not trusted: $reason");
    }

    private static function changed(string $path): Untrusted
    {
        return self::untrusted($path, 'somebody put another file there at the same moment; try again');
    }

    private function damaged(string $reason): Corrupt
    {
        $remedy = 'remove it, or replace it by creating it anew';
        return new Corrupt("{$this->path} is damaged or no board: $reason; $remedy");
    }

    /** As core/src/trust.rs. */
    private function checkTrust(): void
    {
        ['mode' => $mode, 'nlink' => $names, 'uid' => $owner, 'gid' => $group] = $this->status;
        if ($names > 1) {
            throw self::untrusted($this->path, 'it has further names (hard links); remove them');
        }
        if (($mode & 0002) !== 0) {
            throw self::untrusted($this->path, 'everybody may write it; chmod o-w it');
        }
        if ($owner === 0) {
            return;
        }
        [$user, $groups] = self::identity();
        if ($user === 0 || $user === $owner || in_array($group, $groups, true)) {
            return;
        }
        if ((stat(dirname($this->path))['mode'] & 0002) !== 0) {
            throw self::untrusted($this->path, sprintf(self::STRANGER, $owner));
        }
    }

    /** @return array{int, list<int>} of this process: its user and its groups */
    private static function identity(): array
    {
        if (function_exists('posix_geteuid')) {
            return [posix_geteuid(), [posix_getegid(), ...posix_getgroups()]];
        }
        [$text] = self::attempt(fn () => file_get_contents('/proc/self/status'));
        // The effective ones stand second.
        $lines = '/^Uid:\s+\d+\s+(\d+).*?^Gid:\s+\d+\s+(\d+).*?^Groups:([\d ]*)/ms';
        if (preg_match($lines, (string) $text, $found) !== 1) {
            return [-1, []];
        }
        $groups = preg_split('/ /', $found[3], -1, PREG_SPLIT_NO_EMPTY);
        return [(int) $found[1], array_map(intval(...), [$found[2], ...$groups])];
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
        if ($fields < 1 || $fields > self::MAX_FIELDS || $details > self::MAX_DETAILS) {
            throw $this->damaged("it claims $fields fields and $details bytes of details");
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
        [$this->rows, $this->recordSize] = $this->layOutTable($table);
        $this->isDocument = isset(Decoder::DOCUMENTS[$this->rows[0]['type']]);
        $this->checkLayout($header, $table);
        $isChecked = ($header['flags'] & self::CHECKSUMS) !== 0;
        $covered = $isChecked ? substr($start, 0, self::HEADER_CHECKED) . $table . $this->details : '';
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
        $this->base = $header['base'];
        $this->hasChecksums = ($header['flags'] & self::CHECKSUMS) !== 0;
        $this->isDurable = ($header['flags'] & self::DURABLE) !== 0;
        $this->isMirror = ($header['flags'] & self::MIRROR) !== 0;
        [$this->hash, $this->lineage] = [$header['hash'], $header['lineage']];
        // Of most boards, it was read with the rest.
        $isRead = $this->control + 8 <= strlen($start);
        $head = $isRead ? unpack('q', $start, $this->control)[1] : $this->head();
        if (self::sequenceOf($head) < $this->base) {
            throw $this->damaged('its sequence is below its first');
        }
    }

    /** @param array<string, mixed> $header */
    private function checkKind(array $header): void
    {
        if ($header['magic'] !== self::MAGIC) {
            throw $this->damaged('it is no board of Pegel');
        }
        if ($header['order'] !== self::ORDER) {
            throw new Unsupported("{$this->path} was made on a machine of the other byte order");
        }
        if ($header['version'] !== self::VERSION) {
            $known = self::VERSION;
            throw new Unsupported(
                "{$this->path} has layout version {$header['version']}, and this Pegel reads $known; use the same "
                . 'version of Pegel for all programs that share it'
            );
        }
        if (($header['flags'] & ~(self::CHECKSUMS | self::DURABLE | self::MIRROR)) !== 0) {
            $flags = dechex($header['flags']);
            throw new Unsupported(
                "{$this->path} has flags 0x$flags that this Pegel does not know; use a later version"
            );
        }
    }

    /** The fields, for those who want more of them than to read. */
    public function schema(): Schema
    {
        return $this->schema ??= $this->intact(function (): Schema {
            $fields = array_map(Field::ofRow(...), $this->rows);
            [$description, $told] = Details::decode($this->details, $fields, $this->board);
            return new Schema($told, $this->recordSize, $description);
        });
    }

    /** @return array{list<array<string, int|string>>, int} */
    private function layOutTable(string $table): array
    {
        [$rows, $words] = [[], []];
        for ($at = 0; $at < strlen($table); $at += self::FIELD) {
            $rows[] = $row = unpack('Z32name/Z16unit/Ltype/Lsize/Lcount/Loffset', $table, $at);
            array_push($words, ...array_values($row));
        }
        if (pack(str_repeat('a31xa15xL4', count($rows)), ...$words) !== $table) {
            throw $this->damaged('its fields are none: a name or a unit is not padded with NULs');
        }
        $placed = $this->intact(fn (): array => self::layOut($rows));
        // A program may leave sizes and offsets out; a file has them.
        if ($placed[0] != $rows) {
            throw $this->damaged('its fields are none: a size or an offset is 0');
        }
        if (preg_match('//u', implode(array_column($rows, 'unit'))) !== 1) {
            throw $this->damaged('its fields are none: a unit is not UTF-8');
        }
        return $placed;
    }

    private function intact(callable $do): mixed
    {
        try {
            return $do();
        } catch (InvalidFields | Unsupported | \TypeError | \ValueError $cause) {
            throw $this->damaged("its fields are none: {$cause->getMessage()}");
        }
    }

    /**
     * Fields as C places them into a struct, and its size.
     *
     * @param list<array<string, int|string>> $rows
     * @return array{list<array<string, int|string>>, int}
     */
    public static function layOut(array $rows): array
    {
        [$end, $alignment] = [0, 1];
        $placed = [];
        foreach ($rows as $row) {
            ['name' => $name, 'type' => $kind, 'size' => $size, 'count' => $count] = $row;
            $type = $kind & ~Decoder::OPTIONAL;
            if ($type === 0 || $type >= strlen(Decoder::LETTERS)) {
                throw Field::unknown($name, $type);
            }
            if (preg_match('/^[A-Za-z_][A-Za-z0-9_]*$/D', $name) !== 1) {
                throw new InvalidFields("field \"$name\" is no identifier: use letters, digits and _, a letter first");
            }
            if (isset($placed[$name])) {
                throw new InvalidFields("two fields are called $name");
            }
            if (isset(Decoder::DOCUMENTS[$type]) && (count($rows) > 1 || $count > 1 || $kind !== $type)) {
                throw new InvalidFields("field $name: a document is a board's only field");
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
                throw new InvalidFields("field $name is at offset $offset, not {$row['offset']}");
            }
            [$end, $alignment] = [$offset + $size * $count, max($alignment, $step)];
            $placed[$name] = ['size' => $size, 'offset' => $offset] + $row;
        }
        return [array_values($placed), intdiv($end + $alignment - 1, $alignment) * $alignment];
    }

    /**
     * That the header is the one that follows from the fields.
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
        $expected = [
            'size' => $ring + $slots * $slotSize,
            'control' => $control,
            'slots' => $ring,
            'slotSize' => $slotSize,
            'recordSize' => $size,
            // PHP has the bytes of a hash in the other order.
            'hash' => pack('Q', unpack('J', hash('fnv1a64', $table, true))[1]),
            'zero' => str_repeat("\0", 44),
        ];
        foreach ($expected as $name => $value) {
            if ($header[$name] !== $value) {
                throw $this->damaged('its header contradicts its fields');
            }
        }
        if ($this->status['size'] !== $expected['size']) {
            throw $this->damaged("it has {$this->status['size']} bytes instead of {$expected['size']}");
        }
    }

    /** The digits of a word of the header, such as its hash. */
    public static function hexadecimal(string $word): string
    {
        return bin2hex(pack('J', unpack('Q', $word)[1]));
    }

    /** The word that says the newest sequence, and whether the board is gone. */
    public function head(): int
    {
        return unpack('q', $this->bytes($this->control, 8))[1];
    }

    public static function sequenceOf(int $head): int
    {
        return ($head >> 1) & PHP_INT_MAX;
    }

    public static function isMarkedGone(int $head): bool
    {
        return ($head & 1) !== 0;
    }

    /** How many writers have taken the board. */
    public function generation(): int
    {
        return unpack('q', $this->bytes($this->control + self::GENERATION, 8))[1];
    }

    /**
     * A record and the words of its stamp, which are whole only if the writer has not come that far meanwhile; null
     * if it says itself that it is not.
     *
     * @return array{string, array<string, int>}|null
     */
    public function slot(int $sequence): ?array
    {
        $slot = $this->ring + ($sequence & ($this->slots - 1)) * $this->slotSize;
        $end = ($this->recordSize + 7) & ~7;
        // A document is mostly far shorter than its capacity.
        $whole = $this->isDocument ? $this->bytes($slot + $end, self::STAMP) : $this->bytes($slot, $end + self::STAMP);
        $stamp = $this->isDocument ? $whole : substr($whole, $end);
        $words = unpack('qsince_boot/qwall_offset/qboot/qgeneration/qpresent/Llength/Lchecksum', $stamp);
        $length = $words['length'];
        if ($length > $this->recordSize) {
            return ['', $words];
        }
        $record = $this->isDocument ? $this->bytes($slot, $length) : substr($whole, 0, $length);
        if ($this->hasChecksums) {
            $checked = $record . substr($stamp, 0, self::CHECKED) . pack('q', $sequence);
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
            throw $this->damaged('its end was cut off');
        }
        return $bytes;
    }

    /** Whether its name still stands for this file. */
    public function isCurrent(): bool
    {
        clearstatcache();
        [$now] = self::attempt(fn(): array|false => lstat($this->path));
        return $now !== false && $this->isSame($now);
    }

    /** @param array<int|string, int> $other what stat() said */
    private function isSame(array $other): bool
    {
        return [$other['dev'], $other['ino']] === [$this->status['dev'], $this->status['ino']];
    }

    /** Whether nobody has this file by a name any more. */
    public function isRemoved(): bool
    {
        return fstat($this->file)['nlink'] === 0;
    }

    /** The same, looked for once a second. */
    public function isFoundRemoved(): bool
    {
        $now = hrtime(true);
        if ($now - $this->looked < self::GLANCE) {
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
