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

        public function sync(): int {}
    }
}
