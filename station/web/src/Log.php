<?php

declare(strict_types=1);

namespace Station;

/** The daemon's log, which it begins anew in time: the pool's STATION_LOG, never a path of a request. */
final class Log
{
    public const LEVELS = ['INFO', 'WARNING', 'ERROR'];
    /** Bytes that are looked at, from the end. */
    private const TAIL = 262144;
    private const SHOWN = 200;
    private const LINE = '/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+) /';

    private readonly string $file;

    public function __construct()
    {
        $this->file = getenv('STATION_LOG') ?: '';
    }

    /** The level that a request asks for, or the least. */
    public static function level(mixed $asked): string
    {
        return in_array($asked, self::LEVELS, true) ? $asked : self::LEVELS[0];
    }

    public function isThere(): bool
    {
        return is_file($this->file) && is_readable($this->file);
    }

    /**
     * The last lines of at least a level, and the place behind them; or those after a place, while it is in that file.
     *
     * @return array{lines: list<array{level: string, text: string}>, place: string, isNew: bool}
     */
    public function lines(string $level, string $after = ''): array
    {
        $file = $this->isThere() ? fopen($this->file, 'rb') : false;
        if ($file === false) {
            return ['lines' => [], 'place' => '', 'isNew' => true];
        }
        ['ino' => $inode, 'size' => $size] = fstat($file);
        [$known, $place] = [...array_map(intval(...), explode('-', $after)), 0, 0];
        $isNew = $known !== $inode || $place > $size || $size - $place > self::TAIL;
        $start = $isNew ? max(0, $size - self::TAIL) : $place;
        fseek($file, $start);
        $text = (string) stream_get_contents($file, $size - $start);
        // What has no end yet is for the next look; what begins in the midst of a line is for none.
        $end = strrpos($text, "\n");
        $whole = $end === false ? '' : substr($text, 0, $end);
        $lines = $whole === '' ? [] : explode("\n", $whole);
        if ($isNew && $start > 0) {
            array_shift($lines);
        }
        return [
            'lines' => array_slice($this->filtered($lines, $level), -self::SHOWN),
            'place' => $inode . '-' . ($start + ($end === false ? 0 : $end + 1)),
            'isNew' => $isNew,
        ];
    }

    /** Sends all of the file. */
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
        $is = self::LEVELS[0];
        $kept = [];
        foreach ($lines as $line) {
            // What has no level goes on from the line before.
            $is = preg_match(self::LINE, $line, $found) ? $found[1] : $is;
            $rank = array_search($is, self::LEVELS, true);
            if ($rank === false || $rank >= $least) {
                $kept[] = ['level' => $is, 'text' => mb_scrub($line, 'UTF-8')];
            }
        }
        return $kept;
    }
}
