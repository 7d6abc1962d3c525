<?php

declare(strict_types=1);

namespace Station;

/**
 * The browser's session: the token of its forms, and whether the user has logged in.
 *
 * It is only a cookie with a random name until a login, which creates a file in the pool's
 * session.save_path: so visitors cannot fill the disk. The pool sets the cookie's attributes.
 */
final class Session
{
    private const NAME = '/^[0-9a-f]{32}$/D';
    /** The maximum number of logins at a time; a further one ends the oldest. */
    private const MAX_LOGINS = 100;

    public readonly string $token;
    private readonly bool $isAllowed;
    /** The password's hash, from the pool's STATION_PASSWORD_FILE; '' without a password. */
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
        $this->isAllowed = $this->hash === '' || $this->isLoggedIn();
    }

    /** Whether a form has this session's token. */
    public function hasToken(mixed $token): bool
    {
        return is_string($token) && hash_equals($this->token, $token);
    }

    /** Whether the user has logged in, or the station has no password. */
    public function isAllowed(): bool
    {
        return $this->isAllowed;
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

    /** Ends the session. The browser gets a new cookie; the old one is useless to others. */
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

    /** The session's file. Its name is a hash, so a listing of the directory shows no cookies. */
    private function file(): string
    {
        return session_save_path() . '/sess_' . hash('sha256', $this->name);
    }

    private function oldest(): int
    {
        return time() - (int) ini_get('session.gc_maxlifetime');
    }

    /** Removes the files of expired sessions, and of the oldest ones if there are too many. */
    private function collect(): void
    {
        $times = [];
        foreach (glob(session_save_path() . '/sess_*') ?: [] as $file) {
            $times[$file] = (int) @filemtime($file);
        }
        arsort($times);
        $live = array_filter($times, fn (int $time): bool => $time >= $this->oldest());
        $kept = array_slice($live, 0, self::MAX_LOGINS - 1);
        foreach (array_keys(array_diff_key($times, $kept)) as $file) {
            // Another login can have removed it.
            @unlink($file);
        }
    }
}
