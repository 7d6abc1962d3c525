<?php

use Pegel\{Field, Reader, Schema, Writer};

require 'vendor/autoload.php';

$schema = Schema::of(level: Field::f64('m'), rain: Field::bool(), note: Field::text(24));
$writer = Writer::create('tank', $schema);
$writer->publish(level: 3.21, rain: true, note: 'rising');

$tank = Reader::open('tank')->read();
echo "{$tank['level']} m, {$tank['note']}, {$tank->age} s old\n";
