<?php

/**
 * What the extension declares. `make php-ext-arginfo` generates src/pegel_arginfo.h from this.
 *
 * @generate-class-entries
 * @undocumentable
 */

namespace Pegel {
    /**
     * What the package pegel/pegel calls.
     *
     * @internal
     * @strict-properties
     * @not-serializable
     */
    final class Native
    {
        private function __construct() {}

        public static function version(): string {}

        public static function abi(): int {}

        /** Rows of pegel_field, completed, and the size of a record. */
        public static function layout(string $fields): array {}

        public static function unlink(string $board): void {}
    }

    /**
     * @internal
     * @strict-properties
     * @not-serializable
     */
    final class NativeReader
    {
        private function __construct() {}

        public static function open(string $board): NativeReader {}

        public static function openAs(
            string $board,
            string $fields,
            ?string $details,
            bool $untrusted,
        ): NativeReader {}

        public function close(): void {}

        public function fields(): string {}

        public function details(): string {}

        public function info(): array {}

        public function sequence(): int {}

        public function isWriterAlive(): bool {}

        public function userData(): ?string {}

        public function setUserData(string $data): void {}

        /** A pegel_stamp, followed by the record. */
        public function read(): string {}

        public function readAt(int $sequence): string {}

        public function readAfter(int $after): string {}

        public function wait(int $after, int $timeout): int {}
    }

    /**
     * @internal
     * @strict-properties
     * @not-serializable
     */
    final class NativeWriter
    {
        private function __construct() {}

        public static function create(
            string $board,
            string $fields,
            string $details,
            int $slots,
            int $mode,
            int $flags,
            int $timeout,
        ): NativeWriter {}

        public static function open(string $board, int $timeout): NativeWriter {}

        public function close(): void {}

        public function reader(): NativeReader {}

        public function publish(
            string $record,
            int $present = -1,
            int $condition = 0,
            int $sequence = 0,
        ): int {}

        public function publishValues(array $values): ?int {}

        public function sync(): int {}
    }

    /** The newest values of a board by the names of its fields; or its document. */
    function read(string $board): mixed {}

    class Exception extends \RuntimeException
    {
        final public function __construct(string $message, ?\Throwable $previous = null) {}

        /** @internal */
        public static function of(int $status, string $message): Exception {}
    }

    /**
     * @strict-properties
     * @not-serializable
     */
    final class Reader
    {
        public readonly string $board;

        private function __construct() {}

        public static function open(
            string $board,
            ?Schema $schema = null,
            bool $untrusted = false,
        ): Reader {}

        public static function tryOpen(
            string $board,
            ?Schema $schema = null,
            bool $untrusted = false,
        ): ?Reader {}

        public static function tryRead(string $board, ?Schema $schema = null): ?Snapshot {}

        /** @internal */
        public static function ofWriter(string $board, object $backend, object $handle): Reader {}

        public function schema(): Schema {}

        /** @internal */
        public function mapping(string $class): Mapping {}

        public function read(): Snapshot {}

        public function readAt(int $sequence): Snapshot {}

        public function readAfter(int $after): Snapshot {}

        /** @return list<Snapshot> */
        public function last(int $count): array {}

        public function sequence(): int {}

        public function writerAlive(): bool {}

        public function info(): Info {}

        public function wait(int $after, ?float $timeout = null): int {}

        public function follow(
            ?float $timeout = null,
            int $after = 0,
            bool $every = false,
        ): \Generator {}

        public function close(): void {}
    }

    /**
     * @strict-properties
     * @not-serializable
     */
    final class Snapshot implements
        \ArrayAccess,
        \IteratorAggregate,
        \Countable,
        \JsonSerializable
    {
        private function __construct() {}

        public function isStale(float $seconds): bool {}

        public function toArray(): array {}

        public function to(string $class): object {}

        public function offsetExists(mixed $offset): bool {}

        public function offsetGet(mixed $offset): mixed {}

        public function offsetSet(mixed $offset, mixed $value): void {}

        public function offsetUnset(mixed $offset): void {}

        public function getIterator(): \ArrayIterator {}

        public function count(): int {}

        public function jsonSerialize(): mixed {}
    }
}
