<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Corrupt, InvalidArgument, InvalidFields, NotFound, Reader, Schema, TooLarge, Type};
use Pegel\Writer;

/** Boards of one JSON text or of bytes. */
final class DocumentsTest extends BoardTestCase
{
    private function json(int $capacity = 65536): Writer
    {
        return Writer::create($this->board('ahoy'), Schema::json($capacity));
    }

    public function testReadsTheDocumentThatWasPublished(): void
    {
        $document = [
            'name' => 'Dach/Süd', 'power' => 21.0, 'count' => 3, 'none' => null, 'on' => true,
            'strings' => [['voltage' => 32.5], ['voltage' => -0.1]],
        ];
        $this->json()->publish($document);
        $now = Reader::open($this->board('ahoy'))->read();
        $this->assertSame($document, $now->document);
        $this->assertSame($document, $now->toArray());
        $this->assertSame(32.5, $now['strings'][0]['voltage']);
        $this->assertStringStartsWith('{"name":"Dach/Süd","power":21.0,"count":3,', $now->bytes);
    }

    public function testPublishesADocumentByItsMembers(): void
    {
        $writer = $this->json();
        $writer->publish(power: 21.8, on: true);
        $this->assertSame('{"power":21.8,"on":true}', $writer->read()->bytes);
    }

    public function testADocumentCanBeAnyValue(): void
    {
        $writer = $this->json();
        foreach ([[], [1, 2.5], 'text', 7, 1.0, false, null] as $value) {
            $writer->publish($value);
            $this->assertSame($value, $writer->read()->document);
        }
        $this->assertThrows(
            InvalidArgument::class,
            'the document is not an array (got null)',
            fn () => $writer->read()['a']
        );
    }

    public function testBigIntegersKeepAllDigits(): void
    {
        $writer = $this->json();
        $writer->publishBytes('{"id":18446744073709551615}');
        $this->assertSame('18446744073709551615', $writer->read()['id']);
    }

    public function testEmptyObjectsStayObjectsForJson(): void
    {
        $writer = $this->json();
        $writer->publishBytes('{"a":{},"b":[]}');
        $this->assertSame('{"a":{},"b":[]}', json_encode($writer->read()));
    }

    public function testDocumentsGrowAndShrinkUpToTheCapacity(): void
    {
        $writer = $this->json(100_000);
        $reader = Reader::open($this->board('ahoy'));
        foreach ([1, 4094, 4095, 5000, 99_998, 2] as $length) {
            $text = str_repeat('x', $length);
            $writer->publish($text);
            $this->assertSame($text, $reader->read()->document);
        }
        $this->assertThrows(
            TooLarge::class,
            'a record must have at most 100000 bytes (got 100001)',
            fn () => $writer->publish(str_repeat('x', 99_999))
        );
    }

    public function testRejectsWhatIsNotJson(): void
    {
        $writer = $this->json();
        foreach ([NAN, ["\xff"], fopen('php://memory', 'r')] as $value) {
            $this->assertThrows(
                InvalidArgument::class,
                'the document is not valid JSON',
                fn () => $writer->publish($value)
            );
        }
        $writer->publishBytes('{"half":');
        $now = $writer->read();
        $this->assertSame('{"half":', $now->bytes);
        $this->assertThrows(Corrupt::class, 'is not valid JSON', fn () => $now->document);
    }

    public function testRejectsDocumentsThatAreNestedTooDeep(): void
    {
        $writer = $this->json();
        $nested = fn (int $levels): array => array_reduce(
            range(2, $levels),
            fn (array $in): array => [$in],
            []
        );
        $writer->publish($nested(127));
        $this->assertSame($nested(127), $writer->read()->document);
        $deep = json_encode($nested(128));
        $ways = [fn () => $writer->publish($nested(128)), fn () => $writer->publishBytes($deep)];
        foreach ($ways as $publish) {
            $this->assertThrows(InvalidArgument::class, 'at most 127 levels (got 128)', $publish);
        }
        $this->assertSame(1, $writer->sequence());
    }

    public function testBytesStayUnchanged(): void
    {
        $schema = Schema::bytes(300);
        $this->assertSame([Type::Bytes, 300], [$schema->document, $schema->recordSize]);
        $writer = Writer::create($this->board('raw'), $schema);
        foreach (['', "\0", implode('', array_map('chr', range(0, 255)))] as $bytes) {
            $writer->publish($bytes);
            $now = $writer->read();
            $this->assertSame([$bytes, $bytes], [$now->bytes, $now->document]);
            $this->assertSame(base64_encode($bytes), $now->jsonSerialize());
        }
        $this->assertThrows(
            InvalidFields::class,
            'must be a string (got array)',
            fn () => $writer->publish([1])
        );
        $this->assertThrows(InvalidArgument::class, 'Use ->document', fn () => $now->toArray());
    }

    public function testUpdatesADocument(): void
    {
        $writer = $this->json();
        $writer->publish(['limit' => 80, 'name' => 'Dach']);
        $this->assertSame(2, $writer->update(fn (array $now): array => [...$now, 'limit' => 70]));
        $now = $writer->read();
        $this->assertSame(['limit' => 70, 'name' => 'Dach'], $now->toArray());
        $this->assertThrows(NotFound::class, 'has no field limits', fn () => $now['limits']);
    }
}
