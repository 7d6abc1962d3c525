<?php

declare(strict_types=1);

namespace Pegel;

/**
 * Which files are taken for a board's, as core/src/segment/trust.rs has it for reading.
 *
 * @internal
 */
final class Trust
{
    private const SHARE = 'Share a group with its owner, or keep the board in a directory that '
        . 'only you share.';
    private const GROUP_WRITABLE = 0020;
    private const WORLD_WRITABLE = 0002;
    private const STICKY = 01000;
    /** What the kernel shows for each user and each group that a user namespace does not map. */
    private const OVERFLOW = 65534;

    /** @param array<int|string, int> $file what fstat() said */
    public static function check(string $path, array $file): void
    {
        if ($file['nlink'] > 1) {
            throw self::untrusted($path, 'it has more than one hard link. Remove the others.');
        }
        if (($file['mode'] & self::WORLD_WRITABLE) !== 0) {
            throw self::untrusted($path, 'it is world-writable. Run `chmod o-w`.');
        }
        [$user, $groups] = self::identity();
        if ($user === 0 && !self::isUnmapped($file)) {
            return;
        }
        $directory = @stat(dirname($path)) ?: throw new System('cannot stat ' . dirname($path));
        $isCommon = self::has($directory, self::WORLD_WRITABLE | self::STICKY)
            && self::isUnmapped($directory);
        $isOwn = self::isOwn($directory, $user) || self::isOwnGroup($directory, $groups);
        if (!$isOwn && !$isCommon) {
            throw self::ofOther($path, 'its directory belongs to', $directory, self::SHARE);
        }
        if (self::isOwn($file, $user) || self::isOwnGroup($file, $groups)) {
            return;
        }
        if (self::has($directory, self::WORLD_WRITABLE)) {
            throw self::ofOther(
                $path,
                'its directory is world-writable, and it belongs to',
                $file,
                self::SHARE
            );
        }
        $isOwners = $file['uid'] === $directory['uid'] && !self::isUnmapped($file);
        $isMembers = self::has($directory, self::GROUP_WRITABLE)
            && $file['gid'] === $directory['gid']
            && !self::isOverflow($file['gid'], 'gid_map');
        if (!$isOwners && !$isMembers) {
            $remedy = "Remove it, or give it to the directory's owner or group.";
            throw self::ofOther(
                $path,
                "its directory's owner did not create it, it belongs to",
                $file,
                $remedy
            );
        }
    }

    public static function untrusted(string $path, string $reason): Untrusted
    {
        return new Untrusted("$path is not trusted: $reason");
    }

    /** @param array<int|string, int> $status */
    private static function has(array $status, int $bits): bool
    {
        return ($status['mode'] & $bits) === $bits;
    }

    /** @param array<int|string, int> $status */
    private static function isOwn(array $status, int $user): bool
    {
        return in_array($status['uid'], [0, $user], true) && !self::isUnmapped($status);
    }

    /**
     * @param array<int|string, int> $status
     * @param list<int> $groups
     */
    private static function isOwnGroup(array $status, array $groups): bool
    {
        return in_array($status['gid'], $groups, true)
            && !self::isOverflow($status['gid'], 'gid_map');
    }

    /** @param array<int|string, int> $status */
    private static function isUnmapped(array $status): bool
    {
        return self::isOverflow($status['uid'], 'uid_map');
    }

    /**
     * Whether a number can stand for any user that is not mapped. Where all users are mapped, it
     * is an ordinary number.
     */
    private static function isOverflow(int $id, string $map): bool
    {
        if ($id !== self::OVERFLOW) {
            return false;
        }
        $mapped = (string) @file_get_contents("/proc/self/$map");
        return preg_match('/^\s*0\s+0\s+4294967295\s*$/', $mapped) !== 1;
    }

    /** @param array<int|string, int> $status */
    private static function ofOther(
        string $path,
        string $reason,
        array $status,
        string $remedy,
    ): Untrusted {
        if (self::isUnmapped($status)) {
            $reason .= sprintf(
                ' a user that this user namespace does not map (got uid %d)',
                self::OVERFLOW
            );
            $remedy = 'Map the owner into the container, create the board inside it, or read it '
                . 'untrusted.';
            return self::untrusted($path, "$reason. $remedy");
        }
        return self::untrusted($path, "$reason another user (got uid {$status['uid']}). $remedy");
    }

    /** @return array{int, list<int>} of this process: its user and its groups */
    private static function identity(): array
    {
        if (function_exists('posix_geteuid')) {
            return [posix_geteuid(), [posix_getegid(), ...posix_getgroups()]];
        }
        $text = (string) @file_get_contents('/proc/self/status');
        // The effective ones stand second.
        $lines = '/^Uid:\s+\d+\s+(\d+).*?^Gid:\s+\d+\s+(\d+).*?^Groups:([\d ]*)/ms';
        if (preg_match($lines, $text, $found) !== 1) {
            return [-1, []];
        }
        $groups = preg_split('/ /', $found[3], -1, PREG_SPLIT_NO_EMPTY);
        return [(int) $found[1], array_map(intval(...), [$found[2], ...$groups])];
    }
}
