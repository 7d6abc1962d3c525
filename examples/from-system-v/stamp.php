<?php

/** The side of PHP. */

declare(strict_types=1);

use Pegel\{Field, Schema, Writer};

require 'vendor/autoload.php';

$schema = Schema::of(time: Field::f64('s', default: 0));
$stamp = Writer::create('stamp', $schema, mode: 0660, timeout: 5.0);
echo 'PHP saw ', $stamp->read()['time'] ?: 'nothing', "\n";
$stamp->publish(time: microtime(true));
