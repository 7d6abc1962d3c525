<?php

declare(strict_types=1);

namespace Station;

/** The daemon's log, which is rotated. Its path is the pool's STATION_LOG, never a request's. */
final class Log
{
    public const LEVELS = ['INFO', 'WARNING', 'ERROR'];
    /** How many bytes from the end are read. */
    private const TAIL = 262144;
    private const MAX_SHOWN = 200;
    private const LINE = '/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+) /';

    private readonly string $file;

    public function __construct()
    {
        $this->file = getenv('STATION_LOG') ?: '';
    }

    /** The level of a request, or the lowest. */
    public static function level(mixed $requested): string
    {
        return in_array($requested, self::LEVELS, true) ? $requested : self::LEVELS[0];
    }

    public function exists(): bool
    {
        return is_file($this->file) && is_readable($this->file);
    }

    /**
     * The last lines of at least a level, and the position after them. With a position of the same
     * file, only the lines after it.
     *
     * @return array{lines: list<array{level: string, text: string}>, position: string, isNew: bool}
     */
    public function lines(string $level, string $after = ''): array
    {
        $file = $this->exists() ? fopen($this->file, 'rb') : false;
        if ($file === false) {
            return ['lines' => [], 'position' => '', 'isNew' => true];
        }
        ['ino' => $inode, 'size' => $size] = fstat($file);
        [$known, $position] = [...array_map(intval(...), explode('-', $after)), 0, 0];
        $isNew = $known !== $inode || $position > $size || $size - $position > self::TAIL;
        $start = $isNew ? max(0, $size - self::TAIL) : $position;
        fseek($file, $start);
        $text = (string) stream_get_contents($file, $size - $start);
        // A last line without its end is read the next time; a first one without its start, never.
        $end = strrpos($text, "\n");
        $whole = $end === false ? '' : substr($text, 0, $end);
        $lines = $whole === '' ? [] : explode("\n", $whole);
        if ($isNew && $start > 0) {
            array_shift($lines);
        }
        return [
            'lines' => array_slice($this->filtered($lines, $level), -self::MAX_SHOWN),
            'position' => $inode . '-' . ($start + ($end === false ? 0 : $end + 1)),
            'isNew' => $isNew,
        ];
    }

    /** Sends the whole file. */
    public function download(): void
    {
        header('Content-Type: text/plain; charset=utf-8');
        header('Content-Disposition: attachment; filename="station.log"');
        readfile($this->file);
    }

    /**
     * @param list<string> $lines
     * @return list<array{level: string, text: string}>
     */
    private function filtered(array $lines, string $level): array
    {
        $least = array_search($level, self::LEVELS, true);
        $current = self::LEVELS[0];
        $kept = [];
        foreach ($lines as $line) {
            // A line without a level continues the line before.
            $current = preg_match(self::LINE, $line, $found) ? $found[1] : $current;
            $rank = array_search($current, self::LEVELS, true);
            if ($rank === false || $rank >= $least) {
                $kept[] = ['level' => $current, 'text' => mb_scrub($line, 'UTF-8')];
            }
        }
        return $kept;
    }
}
