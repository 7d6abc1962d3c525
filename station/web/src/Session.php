<?php

declare(strict_types=1);

namespace Station;

/**
 * The browser's session: the token that its forms carry, and whether the password was given.
 *
 * A cookie with a random name is all of it until a login: only that makes a file, in the pool's session.save_path, so
 * that visitors cannot fill the disk. The cookie's attributes are those of the pool, too.
 */
final class Session
{
    private const NAME = '/^[0-9a-f]{32}$/D';
    /** The most logins at a time; the oldest ones end. */
    private const MOST = 100;

    public readonly string $token;
    private readonly bool $isKnown;
    /** The password's hash, which the pool's STATION_PASSWORD_FILE holds; '' if the station has none. */
    private readonly string $hash;
    private string $name;

    public function __construct()
    {
        $file = getenv('STATION_PASSWORD_FILE');
        $this->hash = $file && is_file($file) ? trim(file_get_contents($file)) : '';
        $cookie = $_COOKIE[session_name()] ?? '';
        if (is_string($cookie) && preg_match(self::NAME, $cookie)) {
            $this->name = $cookie;
        } else {
            $this->rename();
        }
        // Scripts cannot read the cookie, so only a page of this browser has its hash.
        $this->token = substr(hash('sha256', "form $this->name"), 0, 32);
        $this->isKnown = $this->hash === '' || $this->isLoggedIn();
    }

    /** Whether a form is one of this session's. */
    public function sent(mixed $token): bool
    {
        return is_string($token) && hash_equals($this->token, $token);
    }

    /** Whether this browser may see the station. */
    public function isKnown(): bool
    {
        return $this->isKnown;
    }

    public function hasPassword(): bool
    {
        return $this->hash !== '';
    }

    public function login(string $password): bool
    {
        if (!password_verify($password, $this->hash)) {
            return false;
        }
        $this->end();
        $this->collect();
        file_put_contents($this->file(), $this->hash, LOCK_EX);
        return true;
    }

    public function logout(): void
    {
        $this->end();
    }

    private function isLoggedIn(): bool
    {
        $file = $this->file();
        return is_file($file) && filemtime($file) >= $this->oldest()
            && hash_equals($this->hash, (string) file_get_contents($file));
    }

    /** Ends the session. The browser gets a new name: anyone who saw the old one can do nothing with it. */
    private function end(): void
    {
        if (is_file($this->file())) {
            unlink($this->file());
        }
        $this->rename();
    }

    private function rename(): void
    {
        $this->name = bin2hex(random_bytes(16));
        ['lifetime' => $lifetime] = $options = session_get_cookie_params();
        unset($options['lifetime']);
        $expires = $lifetime === 0 ? 0 : time() + $lifetime;
        setcookie(session_name(), $this->name, ['expires' => $expires, ...$options]);
    }

    /** The file has a hash as its name, so that a listing of the directory shows no cookies. */
    private function file(): string
    {
        return session_save_path() . '/sess_' . hash('sha256', $this->name);
    }

    private function oldest(): int
    {
        return time() - (int) ini_get('session.gc_maxlifetime');
    }

    /** Removes the files of sessions that are over, and the oldest ones of too many. */
    private function collect(): void
    {
        $times = [];
        foreach (glob(session_save_path() . '/sess_*') ?: [] as $file) {
            $times[$file] = (int) @filemtime($file);
        }
        arsort($times);
        $live = array_filter($times, fn (int $time): bool => $time >= $this->oldest());
        $kept = array_slice($live, 0, self::MOST - 1);
        foreach (array_keys(array_diff_key($times, $kept)) as $file) {
            // Another login can have removed it.
            @unlink($file);
        }
    }
}
