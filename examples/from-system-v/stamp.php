<?php

/** And PHP's. */

declare(strict_types=1);

use Pegel\{Field, Schema, Writer};

require 'vendor/autoload.php';

$stamp = Writer::create('stamp', Schema::of(time: Field::f64('s', default: 0)), mode: 0660, timeout: 5.0);
echo 'PHP saw ', $stamp->read()['time'] ?: 'nothing', "\n";
$stamp->publish(time: microtime(true));
