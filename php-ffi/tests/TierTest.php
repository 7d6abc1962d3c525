<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Backend, Field, Library, Loader, Schema, Snapshot, Writer};
use PHPUnit\Framework\Attributes\DataProvider;
use ReflectionClass;
use ReflectionClassConstant;
use ReflectionMethod;
use ReflectionParameter;

/** How the package reaches boards. */
final class TierTest extends BoardTestCase
{
    public function testUsesTheExpectedTier(): void
    {
        $described = Loader::describe();
        $wanted = getenv('PEGEL_EXPECTED_TIER');
        $this->assertSame($wanted === false ? $described['tier'] : $wanted, $described['tier']);
        $this->assertTrue($described['reads']);
        $this->assertTrue($described['writes']);
        $this->assertStringContainsString('libpegel', $described['library']);
        $this->assertNotNull($described['version']);
    }

    public function testWhatReadingBindsIsDeclaredAsInTheHeader(): void
    {
        // The same to C: without the status's names, and wherever lines end.
        $squeezed = fn (string $text): string => preg_replace(
            ['/\bpegel_status /', '/\s+/'],
            ['int32_t ', ''],
            $text
        );
        $header = $squeezed(Loader::header());
        $reading = (new ReflectionClassConstant(Loader::class, 'READING'))->getValue();
        foreach (array_filter(array_map('trim', explode(';', $reading))) as $declaration) {
            $this->assertTrue(
                str_contains($header, $squeezed("$declaration;")),
                "pegel.h has no $declaration"
            );
        }
    }

    public function testTheLibraryIsABackend(): void
    {
        $signature = fn (ReflectionMethod $method): string => implode(', ', array_map(
            fn (ReflectionParameter $parameter): string => "{$parameter->getType()}",
            $method->getParameters()
        ));
        foreach ((new ReflectionClass(Backend::class))->getMethods() as $method) {
            $own = new ReflectionMethod(Library::class, $method->name);
            $this->assertSame($signature($method), $signature($own), $method->name);
            [$declared, $returned] = ["{$method->getReturnType()}", "{$own->getReturnType()}"];
            $isHandle = $declared === 'object' && $returned === 'FFI\CData';
            $this->assertTrue($isHandle || $declared === $returned, $method->name);
        }
        foreach (['PLAN' => Backend::VERSION, 'STAMP' => Backend::STAMP] as $name => $value) {
            $constant = new ReflectionClassConstant(Library::class, $name);
            $this->assertSame($value, $constant->getValue());
        }
        // The extension's own needs no plan.
        if (!(new ReflectionClass(Snapshot::class))->isInternal()) {
            $unfinished = new ReflectionClassConstant(Snapshot::class, 'UNFINISHED');
            $this->assertSame(Backend::UNFINISHED, $unfinished->getValue());
        }
    }

    /** @return array<string, array{array<string, bool>}> */
    public static function boards(): array
    {
        return [
            'plain' => [[]],
            'with checksums' => [['checksum' => true]],
            'durable' => [['durable' => true]],
        ];
    }

    /**
     * @dataProvider boards
     * @param array<string, bool> $options
     */
    #[DataProvider('boards')]
    public function testFilesAndTheLibraryReadTheSame(array $options): void
    {
        $durable = "{$this->directory}/pegel-durable";
        mkdir($durable);
        putenv("PEGEL_DURABLE_DIR=$durable");
        $board = $this->board('roof');
        $schema = Schema::of(level: Field::f64('m'), note: Field::text(24));
        Writer::create($board, $schema, ...$options)->publish(level: 3.21, note: 'rising');
        $code = <<<'PHP'
            require $argv[1];
            $now = Pegel\Reader::open($argv[2])->read();
            $seen = [...$now, $now->sequence, $now->generation];
            $seen[] = (float) $now->publishedAt->format('U.u');
            $info = Pegel\Reader::open($argv[2])->info();
            array_push($seen, $info->checksums, $info->durable, $info->mirror);
            echo json_encode([Pegel\Loader::describe()['tier'], $seen]);
            PHP;
        $read = function (string $tier) use ($code, $board): array {
            $command = [PHP_BINARY, '-r', $code, '--', __DIR__ . '/../autoload.php', $board];
            $process = proc_open(
                $command,
                [1 => ['pipe', 'w']],
                $pipes,
                null,
                ['PEGEL_TIER' => $tier] + getenv()
            );
            [$seen, $status] = [stream_get_contents($pipes[1]), proc_close($process)];
            $this->assertSame(0, $status, $seen);
            return json_decode($seen, true);
        };
        [$tier, $byFile] = $read('files');
        $this->assertSame('files', $tier);
        [$tier, $byLibrary] = $read('');
        $this->assertSame('cdef', $tier);
        $this->assertEqualsWithDelta($byLibrary, $byFile, 0.1);
        array_map('unlink', glob("$durable/*"));
        rmdir($durable);
    }
}
