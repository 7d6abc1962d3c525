<?php

declare(strict_types=1);

namespace Pegel\Tests;

use Pegel\{Field, Reader, Schema, Untrusted, Writer};
use PHPUnit\Framework\Attributes\DataProvider;

/** Boards of other users, by the library and by files. */
final class TrustTest extends BoardTestCase
{
    private const READ = <<<'PHP'
        require $argv[1];
        try {
            echo Pegel\Reader::open($argv[2])->read()['level'];
        } catch (Pegel\Exception $error) {
            echo $error::class, ': ', $error->getMessage();
        }
        PHP;

    /** @return array<string, array{string}> */
    public static function tiers(): array
    {
        return ['library' => [''], 'files' => ['files']];
    }

    protected function setUp(): void
    {
        parent::setUp();
        if (posix_geteuid() !== 0) {
            $this->fail('this needs other users: run it as root');
        }
        $schema = Schema::of(level: Field::f64());
        Writer::create($this->board('tank'), $schema, mode: 0644)->publish(level: 3.5);
    }

    /** @param list<string> $as */
    private function read(string $tier, array $as): string
    {
        $command = [
            ...$as,
            PHP_BINARY,
            '-r',
            self::READ,
            '--',
            __DIR__ . '/../autoload.php',
            $this->board('tank'),
        ];
        $process = proc_open(
            $command,
            [1 => ['pipe', 'w']],
            $pipes,
            null,
            ['PEGEL_TIER' => $tier] + getenv()
        );
        $read = stream_get_contents($pipes[1]);
        proc_close($process);
        return $read;
    }

    /** @param array{int, int, int} $directory */
    private function give(array $directory, int $owner, int $group): void
    {
        [$user, $shared, $mode] = $directory;
        $file = "{$this->directory}/pegel.tank";
        foreach ([[$this->directory, $user, $shared], [$file, $owner, $group]] as $each) {
            chown($each[0], $each[1]);
            chgrp($each[0], $each[2]);
        }
        chmod($this->directory, $mode);
    }

    /** @dataProvider tiers */
    #[DataProvider('tiers')]
    public function testDirectoriesOfOtherUsersAreRefused(string $tier): void
    {
        $reader = ['setpriv', '--reuid=61001', '--regid=61001', '--clear-groups'];
        $this->give([61002, 61002, 0755], 61002, 61002);
        $this->assertStringContainsString(
            'its directory belongs to another user',
            $this->read($tier, $reader)
        );
        // Left there before the directory was given to its owner.
        $this->give([61001, 61001, 02770], 61002, 61002);
        $this->assertStringContainsString(
            'belongs to another user (got uid 61002)',
            $this->read($tier, $reader)
        );
        $this->give([0, 61001, 02770], 61002, 61002);
        $this->assertStringContainsString(
            'belongs to another user (got uid 61002)',
            $this->read($tier, $reader)
        );
        $this->give([0, 61002, 02775], 61002, 61002);
        $this->assertSame('3.5', $this->read($tier, $reader));
        $this->give([61002, 61001, 03770], 61002, 61001);
        $this->assertSame('3.5', $this->read($tier, $reader));
        $this->give([0, 0, 01777], 61001, 61001);
        $this->assertSame('3.5', $this->read($tier, $reader));
    }

    /** @dataProvider tiers */
    #[DataProvider('tiers')]
    public function testUsersThatANamespaceDoesNotMapAreOthers(string $tier): void
    {
        $user = ['setpriv', '--reuid=61001', '--regid=61001', '--clear-groups'];
        $inside = [...$user, 'unshare', '--user', '--map-root-user'];
        foreach ([[0, 0, 01777], [0, 0, 0755]] as $directory) {
            $this->give($directory, 61002, 61002);
            $this->assertStringContainsString(
                'this user namespace does not map',
                $this->read($tier, $inside)
            );
        }
        $this->give([0, 0, 01777], 61001, 61001);
        $this->assertSame('3.5', $this->read($tier, $inside));
    }
}
