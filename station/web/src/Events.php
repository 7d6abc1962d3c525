<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Gone, NotFound, Reader, Timeout};

/**
 * Server-sent events: those parts of a page that changed, whenever they do.
 *
 * A connection keeps one worker of php-fpm, so it ends after a while, and the browser opens another.
 */
final class Events
{
    private const LIFE = 25.0;
    /** How long a worker sleeps at most before it looks at what no board tells, and at whether the browser is there. */
    private const GLANCE = 1.0;
    /** The board that changes with every reading of any inverter, and with the meter. */
    private const PULSE = 'today';

    private const AGE = '/ data-age="[^"]*">[^<]*/';

    /** @param callable(): array<string, string> $parts the page's live parts by their id, as HTML */
    public function send(callable $parts): void
    {
        header('Content-Type: text/event-stream');
        header('X-Accel-Buffering: no');
        while (ob_get_level() > 0) {
            ob_end_flush();
        }
        // Not the browser's own 3 s, which would be a gap in the readings.
        echo "retry: 100\n\n";
        $end = microtime(true) + self::LIFE;
        $sent = [];
        do {
            $pulse = $this->pulse();
            $now = $parts();
            // Ages grow in the browser: they alone are nothing new.
            $compared = preg_replace(self::AGE, '', $now);
            $changed = array_intersect_key($now, array_diff_assoc($compared, $sent));
            // A comment shows whether anybody listens; PHP notices only when it writes.
            echo $changed === [] ? ":\n\n" : 'data: ' . json_encode($changed, JSON_THROW_ON_ERROR) . "\n\n";
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

    /** Until there is a newer reading, or for a glance. */
    private function sleep(int $after): void
    {
        try {
            Reader::open(self::PULSE)->wait($after, self::GLANCE);
        } catch (Timeout | Gone) {
            return;
        } catch (NotFound) {
            usleep((int) (self::GLANCE * 1e6));
        }
    }
}
