<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Corrupt, Field, NotFound, Schema, Unpublished, Writer};

/** The function read(), of the package or of the extension. */
final class FunctionTest extends BoardTestCase
{
    public function testReadsTheNewestValues(): void
    {
        $board = $this->board('tank');
        $this->assertThrows(NotFound::class, 'tank', fn () => \Pegel\read($board));
        $writer = Writer::create($board, Schema::of(level: Field::f64('m'), on: Field::bool()));
        $this->assertThrows(Unpublished::class, 'tank', fn () => \Pegel\read($board));
        foreach ([1.5, 2.5] as $level) {
            $writer->publish(level: $level, on: true);
            $this->assertSame(['level' => $level, 'on' => true], \Pegel\read($board));
        }
        $writer->close();
        $writer = Writer::create($board, Schema::json(100), replace: true);
        $this->assertThrows(Unpublished::class, 'tank', fn () => \Pegel\read($board));
        foreach ([['a' => [1]], [], 'text', null] as $document) {
            $writer->publish($document);
            $this->assertSame($document, \Pegel\read($board));
        }
        $writer->publishBytes('{"half":');
        $this->assertThrows(Corrupt::class, 'not valid JSON', fn () => \Pegel\read($board));
        $writer->close();
        Writer::create($board, Schema::bytes(10), replace: true)->publish("\0\xff");
        $this->assertSame("\0\xff", \Pegel\read($board));
        Writer::unlink($board);
        $this->assertThrows(NotFound::class, 'tank', fn () => \Pegel\read($board));
    }
}
