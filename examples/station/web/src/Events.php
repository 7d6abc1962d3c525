<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Gone, NotFound, Reader, Timeout};

/**
 * Server-sent events: the status whenever it changes.
 *
 * A connection keeps one worker of php-fpm, so it ends after a while, and the browser opens another.
 */
final class Events
{
    private const LIFE = 25.0;
    /** How long a worker sleeps at most before it looks whether the daemon and the browser are still there. */
    private const GLANCE = 1.0;

    public function __construct(private readonly Boards $boards)
    {
    }

    public function send(): void
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
            $status = new Status($this->boards);
            $now = [$status->state, $status->wanted, $status->config->sequence, $status->reading?->sequence];
            // A comment shows whether anybody listens; PHP notices only when it writes.
            echo $now === $sent ? ":\n\n" : 'data: ' . json_encode($status, JSON_THROW_ON_ERROR) . "\n\n";
            flush();
            $sent = $now;
            $this->sleep($status->reading?->sequence ?? 0);
        } while (microtime(true) < $end && !connection_aborted());
    }

    /** Until there is a newer reading, or for a glance. */
    private function sleep(int $after): void
    {
        try {
            Reader::open('inverter')->wait($after, self::GLANCE);
        } catch (Timeout | Gone) {
            return;
        } catch (NotFound) {
            usleep((int) (self::GLANCE * 1e6));
        }
    }
}
