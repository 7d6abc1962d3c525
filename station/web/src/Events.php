<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Gone, NotFound, Reader, Timeout};

/**
 * Server-sent events: the parts of a page that have changed, as soon as they change.
 *
 * A connection occupies a worker of PHP-FPM, so it ends after a while, and the browser reconnects.
 */
final class Events
{
    private const DURATION = 25.0;
    /** The longest sleep in seconds, until ages and the connection are checked again. */
    private const MAX_SLEEP = 1.0;
    /** The board that changes after each round of polls. */
    private const PULSE = 'daily';

    private const AGE = '/ data-age="[^"]*">[^<]*/';

    /** @param callable(): array<string, string> $parts the live parts as HTML, by their id */
    public function send(callable $parts): void
    {
        header('Content-Type: text/event-stream');
        header('X-Accel-Buffering: no');
        while (ob_get_level() > 0) {
            ob_end_flush();
        }
        // The browser's default of 3 s would be a gap in the readings.
        echo "retry: 100\n\n";
        $end = microtime(true) + self::DURATION;
        $sent = [];
        do {
            $pulse = $this->pulse();
            $now = $parts();
            // The script of the page updates ages, so a new age is not a change.
            $compared = preg_replace(self::AGE, '', $now);
            $changed = array_intersect_key($now, array_diff_assoc($compared, $sent));
            // Without changes, a comment: PHP notices a closed connection only when it writes.
            $data = json_encode($changed, JSON_THROW_ON_ERROR);
            echo $changed === [] ? ":\n\n" : "data: $data\n\n";
            flush();
            $sent = $compared;
            $this->sleep($pulse);
        } while (microtime(true) < $end && !connection_aborted());
    }

    private function pulse(): int
    {
        try {
            return Reader::open(self::PULSE)->sequence();
        } catch (NotFound) {
            return 0;
        }
    }

    /** Sleeps until there is a newer record, at most MAX_SLEEP. */
    private function sleep(int $after): void
    {
        try {
            Reader::open(self::PULSE)->wait($after, self::MAX_SLEEP);
        } catch (Timeout | Gone) {
            return;
        } catch (NotFound) {
            usleep((int) (self::MAX_SLEEP * 1e6));
        }
    }
}
