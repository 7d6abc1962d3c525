<?php

/** A page sends a command by a message queue. */

declare(strict_types=1);

const KEY = 0x50454745;

$queue = msg_get_queue(KEY, 0660);
msg_send($queue, 1, json_encode(['limit' => 80]), serialize: false, blocking: false);
