<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Exception, Loader, System, Type, Unavailable};
use PHPUnit\Framework\TestCase;

/** The package agrees with the C header. */
final class ContractTest extends TestCase
{
    private const HEADER = __DIR__ . '/../../include/pegel.h';

    public function testThePackageHasTheHeaderOfTheLibrary(): void
    {
        $declarations = fn (string $header): string => preg_replace('~^ *//.*\n~m', '', $header);
        $this->assertSame(
            $declarations(file_get_contents(self::HEADER)),
            $declarations(Loader::header()),
            'php-ffi/src/pegel.h is stale: run `make cabi`'
        );
    }

    public function testEachStatusHasItsException(): void
    {
        preg_match(
            '/PEGEL_OK = 0,(.*?)\} pegel_status;/s',
            file_get_contents(self::HEADER),
            $listed
        );
        $found = preg_match_all('/^  PEGEL_(\w+) = (\d+),$/m', $listed[1], $statuses);
        $this->assertGreaterThan(15, $found);
        foreach (array_combine($statuses[1], $statuses[2]) as $name => $number) {
            $exception = Exception::of((int) $number, 'why');
            $this->assertSame((int) $number, $exception->getCode());
            $this->assertSame('why', $exception->getMessage());
            $class = $name === 'EMPTY' ? 'Unpublished' : str_replace(
                '_',
                '',
                ucwords(strtolower($name), '_')
            );
            $this->assertSame("Pegel\\$class", $exception::class);
        }
        $this->assertInstanceOf(System::class, Exception::of(4711, 'of a newer library'));
    }

    public function testEachTypeHasItsNumber(): void
    {
        preg_match(
            '/PEGEL_BOOL = 1,(.*?)\} pegel_type;/s',
            file_get_contents(self::HEADER),
            $types
        );
        preg_match_all('/^  PEGEL_(\w+),$/m', $types[1], $names);
        $labels = array_map(fn (Type $type): string => $type->label(), Type::cases());
        $this->assertSame(['bool', ...array_map('strtolower', $names[1])], $labels);
        $this->assertSame(range(1, count($labels)), array_column(Type::cases(), 'value'));
    }

    public function testNamesAMissingLibrary(): void
    {
        [$status, $output] = $this->php(
            'PEGEL_LIBRARY=/nowhere/libpegel.so',
            'Pegel\Loader::writing();'
        );
        $this->assertSame(255, $status);
        $this->assertStringContainsString(Unavailable::class, $output);
        $this->assertStringContainsString('/nowhere/libpegel.so', $output);
        $this->assertStringContainsString('set PEGEL_LIBRARY', $output);
    }

    public function testThePreloadedHeaderNamesTheLibrary(): void
    {
        $library = realpath(Loader::path());
        $defines = ['#define FFI_SCOPE "PEGEL"', "#define FFI_LIB \"$library\""];
        [$status, $output] = $this->preloadHeader($library);
        $this->assertSame(0, $status);
        $this->assertSame($defines, array_slice(explode("\n", $output), 0, 2));
        [$status, $output] = $this->preloadHeader('/nowhere/libpegel.so');
        $this->assertSame(1, $status);
        $this->assertStringContainsString('there is no /nowhere/libpegel.so', $output);
    }

    /** @return array{int, string} */
    private function preloadHeader(string $library): array
    {
        $command = [PHP_BINARY, __DIR__ . '/../bin/pegel-preload', $library];
        exec(implode(' ', array_map('escapeshellarg', $command)) . ' 2>&1', $lines, $status);
        return [$status, implode("\n", $lines)];
    }

    /** @return array{int, string} */
    private function php(string $environment, string $code): array
    {
        $program = 'require ' . var_export(__DIR__ . '/../autoload.php', true) . "; $code";
        $php = PHP_BINARY . ' -d display_errors=1 -r ';
        $command = "$environment $php" . escapeshellarg($program);
        exec("$command 2>&1", $lines, $status);
        return [$status, implode("\n", $lines)];
    }
}
